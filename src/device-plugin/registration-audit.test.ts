import { describe, expect, test } from "bun:test";
import { ManualClock, settle } from "../../test/support/manual-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { RegistrationAudit } from "./registration-audit.ts";

function setUp() {
  const log = recordingLogger();
  const clock = new ManualClock();
  let notify: () => void = () => undefined;
  const state = {
    known: ["video10"] as string[] | Error,
    expected: ["video10"] as string[] | undefined,
    notListed: 0,
  };
  const audit = new RegistrationAudit(
    {
      clock,
      log,
      allocatable: async () => {
        if (state.known instanceof Error) throw state.known;
        return state.known;
      },
      expected: () => state.expected,
      watch: (given) => {
        notify = given;
      },
      onNotListed: () => {
        state.notListed += 1;
      },
    },
    { intervalMs: 10_000, soonMs: 1000, rounds: 2 },
  );
  const rounds = async (count: number) => {
    for (let n = 0; n < count; n++) await audit.round(new AbortController().signal);
  };
  return { audit, clock, log, state, rounds, notify: () => notify() };
}

describe("the registration's audit", () => {
  test("is content while the kubelet lists any of our devices", async () => {
    const { state, rounds } = setUp();
    await rounds(10);
    expect(state.notListed).toBe(0);
  });

  test("gives a registration up when the kubelet lists none, twice in a row", async () => {
    const { state, rounds } = setUp();
    state.known = [];
    await rounds(1);
    expect(state.notListed).toBe(0);
    await rounds(1);
    expect(state.notListed).toBe(1);
  });

  test("starts over when the kubelet lists them in between", async () => {
    const { state, rounds } = setUp();
    state.known = [];
    await rounds(1);
    state.known = ["video10"];
    await rounds(1);
    state.known = [];
    await rounds(1);
    expect(state.notListed).toBe(0);
  });

  test("gives up ever more rarely while that doesn't help", async () => {
    const { state, rounds } = setUp();
    state.known = [];
    await rounds(2 + 4 + 8);
    expect(state.notListed).toBe(3);
    await rounds(15);
    expect(state.notListed).toBe(3);
    state.known = ["video10"];
    await rounds(1);
    state.known = [];
    await rounds(2);
    expect(state.notListed).toBe(4);
  });

  test("asks nothing of a kubelet that was told of no healthy device, or isn't registered at", async () => {
    const { state, rounds } = setUp();
    state.known = [];
    state.expected = [];
    await rounds(5);
    state.expected = undefined;
    await rounds(5);
    expect(state.notListed).toBe(0);
  });

  test("asks every 10 s, and again a second after a first wrong answer", async () => {
    const { audit, clock, state } = setUp();
    const stop = new AbortController();
    const running = audit.run(stop.signal);
    await settle();
    state.known = [];
    await clock.advance(9999);
    await clock.advance(1);
    expect(state.notListed).toBe(0);
    await clock.advance(1000);
    expect(state.notListed).toBe(1);
    stop.abort();
    await running;
  });

  test("asks soon when another instance has come or gone", async () => {
    const { audit, clock, state, notify } = setUp();
    const stop = new AbortController();
    const running = audit.run(stop.signal);
    await settle();
    state.known = [];
    notify();
    await settle();
    await clock.advance(1000);
    await clock.advance(1000);
    expect(state.notListed).toBe(1);
    stop.abort();
    await running;
  });

  test("concludes nothing from a socket that doesn't answer, and says so once", async () => {
    const { log, state, rounds } = setUp();
    state.known = new Error("connect ENOENT");
    await rounds(5);
    expect(state.notListed).toBe(0);
    expect(log.lines.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
      "info The registration can't be audited",
    ]);
  });
});
