import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { PluginError } from "../common/plugin-error.ts";
import {
  decide,
  type RegistrationFacts,
  defaultRegistrationTimes as times,
} from "./registration.ts";
import { RegistrationRetries } from "./registration-retries.ts";

const now = 1_000_000;
const idle: RegistrationFacts = {
  now,
  server: "none",
  streams: 0,
  kubelet: { state: "accepting", identity: "k1" },
  refusingSince: undefined,
  registeredAt: undefined,
  lastStreamEnd: undefined,
  streamSeen: false,
  kubeletReplacedAt: undefined,
  notListed: false,
  lostDirectory: undefined,
  notBefore: 0,
};
const deleted = new PluginError("kubelet_directory_deleted", "The directory /dp was deleted.");
const serving: RegistrationFacts = { ...idle, server: "serving" };
const live: RegistrationFacts = {
  ...serving,
  registeredAt: now - 60_000,
  streams: 1,
  streamSeen: true,
};

const table: [string, RegistrationFacts, ReturnType<typeof decide>][] = [
  [
    "waits for a kubelet without a socket",
    { ...idle, kubelet: { state: "absent", identity: undefined } },
    { kind: "wait", reason: "kubelet_absent", ms: 1000 },
  ],
  [
    "checks often a socket that is bound but not yet listened on",
    { ...idle, kubelet: { state: "refusing", identity: "k1" } },
    { kind: "wait", reason: "kubelet_refusing", ms: 50 },
  ],
  [
    "checks less often a socket that a dead kubelet left behind",
    { ...idle, kubelet: { state: "refusing", identity: "k1" }, refusingSince: now - 5000 },
    { kind: "wait", reason: "kubelet_refusing", ms: 1000 },
  ],
  [
    "ends the process for a new one when a directory is lost, whatever its mount shows of the kubelet",
    {
      ...serving,
      server: "socket_lost",
      kubelet: { state: "absent", identity: undefined },
      notBefore: now + 700,
      lostDirectory: deleted,
    },
    { kind: "end", reason: "directory_lost", error: deleted },
  ],
  [
    "first counts the end of a registration when a directory is lost",
    { ...live, streams: 0, lostDirectory: deleted },
    { kind: "close", reason: "stream_ended" },
  ],
  ["serves first", idle, { kind: "listen", reason: "kubelet_ready" }],
  ["registers second", serving, { kind: "register", reason: "kubelet_ready" }],
  [
    "serves on a new socket when its own was removed before Register",
    { ...serving, server: "socket_lost" },
    { kind: "close", reason: "socket_lost" },
  ],
  [
    "waits out the backoff",
    { ...serving, notBefore: now + 700 },
    { kind: "wait", reason: "backoff", ms: 700 },
  ],
  [
    "keeps a registration with an open stream",
    live,
    { kind: "wait", reason: "registered", ms: 1000 },
  ],
  [
    "keeps a registration with an open stream even if its own socket's file is gone",
    { ...live, server: "socket_lost" },
    { kind: "wait", reason: "registered", ms: 1000 },
  ],
  [
    "counts an open stream as registered before Register was answered",
    { ...live, registeredAt: undefined },
    { kind: "wait", reason: "registered", ms: 1000 },
  ],
  [
    "leaves the kubelet time to open its stream",
    { ...live, registeredAt: now - 4000, streams: 0, streamSeen: false },
    { kind: "wait", reason: "stream_expected", ms: 1000 },
  ],
  [
    "ends a registration that the kubelet accepted without opening a stream",
    { ...live, registeredAt: now - 10_000, streams: 0, streamSeen: false },
    { kind: "close", reason: "stream_missing" },
  ],
  [
    "ends the registration when its stream has ended",
    { ...live, streams: 0 },
    { kind: "close", reason: "stream_ended" },
  ],
  [
    "ends the registration when its stream has ended before Register failed",
    { ...live, registeredAt: undefined, streams: 0 },
    { kind: "close", reason: "stream_ended" },
  ],
  [
    "waits a second after a stream's end before it registers at the same kubelet",
    { ...idle, lastStreamEnd: { at: now - 400, kubelet: "k1" } },
    { kind: "wait", reason: "settling", ms: 600 },
  ],
  [
    "registers at a restarted kubelet at once",
    { ...idle, lastStreamEnd: { at: now - 1, kubelet: "k0" } },
    { kind: "listen", reason: "kubelet_ready" },
  ],
  [
    "ignores a late file event of the kubelet it is registered with",
    { ...live, kubelet: { state: "accepting", identity: "k1" } },
    { kind: "wait", reason: "registered", ms: 1000 },
  ],
  [
    "ends a registration whose devices the kubelet does not list",
    { ...live, notListed: true },
    { kind: "close", reason: "not_listed" },
  ],
  [
    "tolerates an open stream for a while after the kubelet's socket was replaced",
    { ...live, kubeletReplacedAt: now - 4500 },
    { kind: "wait", reason: "registered", ms: 500 },
  ],
  [
    "ends an open stream some time after the kubelet's socket was replaced",
    { ...live, kubeletReplacedAt: now - 5000 },
    { kind: "close", reason: "kubelet_replaced" },
  ],
];

describe("the registration's decision", () => {
  for (const [sentence, facts, action] of table) {
    test(sentence, () => {
      expect(decide(facts, times)).toEqual(action);
    });
  }

  const anyFacts = fc.record<RegistrationFacts>({
    now: fc.constant(now),
    server: fc.constantFrom("none", "serving", "socket_lost"),
    streams: fc.integer({ min: 0, max: 3 }),
    kubelet: fc.constantFrom(
      { state: "absent", identity: undefined },
      { state: "refusing", identity: "k1" },
      { state: "accepting", identity: "k1" },
      { state: "accepting", identity: "k2" },
    ),
    refusingSince: fc.option(fc.integer({ min: now - 9000, max: now }), { nil: undefined }),
    registeredAt: fc.option(fc.integer({ min: now - 20_000, max: now }), { nil: undefined }),
    lastStreamEnd: fc.option(
      fc.record({ at: fc.integer({ min: now - 2000, max: now }), kubelet: fc.constant("k1") }),
      { nil: undefined },
    ),
    streamSeen: fc.boolean(),
    kubeletReplacedAt: fc.option(fc.integer({ min: now - 9000, max: now }), { nil: undefined }),
    notListed: fc.boolean(),
    lostDirectory: fc.constantFrom(undefined, deleted),
    notBefore: fc.integer({ min: now - 100, max: now + 30_000 }),
  });
  const possible = anyFacts.map((facts) => {
    if (facts.server === "none") {
      return { ...facts, streams: 0, streamSeen: false, registeredAt: undefined };
    }
    return { ...facts, streamSeen: facts.streamSeen || facts.streams > 0 };
  });

  test("is never to register while a stream is open or has just ended, or before serving", () => {
    fc.assert(
      fc.property(possible, (facts) => {
        if (decide(facts, times).kind !== "register") return;
        expect(facts.streams).toBe(0);
        expect(facts.server).toBe("serving");
        expect(facts.kubelet.state).toBe("accepting");
        expect(facts.notBefore).toBeLessThanOrEqual(now);
        if (facts.lastStreamEnd?.kubelet === facts.kubelet.identity) {
          expect(now - (facts.lastStreamEnd?.at ?? 0)).toBeGreaterThanOrEqual(times.settleMs);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("is never to wait for ever: every wait is positive and within the tick or the backoff", () => {
    fc.assert(
      fc.property(possible, (facts) => {
        const action = decide(facts, times);
        if (action.kind !== "wait") return;
        expect(action.ms).toBeGreaterThan(0);
        expect(action.ms).toBeLessThanOrEqual(times.backoff.maxMs);
      }),
      { numRuns: 2000 },
    );
  });

  test("is never to end the process while a stream is open", () => {
    fc.assert(
      fc.property(possible, (facts) => {
        if (facts.streams > 0) expect(decide(facts, times).kind).not.toBe("end");
      }),
    );
  });

  test("is never to close without a server", () => {
    fc.assert(
      fc.property(possible, (facts) => {
        if (facts.server === "none") expect(decide(facts, times).kind).not.toBe("close");
      }),
    );
  });
});

describe("retries", () => {
  const dueAfter = (failures: number, random: number) => {
    const retries = new RegistrationRetries({
      clock: { now: () => 0 },
      random: () => random,
      times,
    });
    for (let n = 0; n < failures; n++) retries.failedAt("k1");
    return retries.dueAt("k1");
  };

  test("come 1 s apart at first and 30 s at most, jittered over the upper half", () => {
    expect(dueAfter(1, 0)).toBe(500);
    expect(dueAfter(1, 1)).toBe(1000);
    expect(dueAfter(4, 1)).toBe(8000);
    expect(dueAfter(50, 1)).toBe(30_000);
  });
});
