import { describe, expect, test } from "bun:test";
import {
  decideStandby,
  type StandbyFacts,
  type StandbyStep,
  defaultStandbyTimes as times,
} from "./standby.ts";

const now = 1_000_000;
const first: StandbyFacts = {
  now,
  since: now,
  lock: "ours",
  others: { same: 0, unmarked: 0 },
  stoodBy: false,
  isRegistered: false,
  streamHasEnded: false,
  aloneSince: now,
  kubeletLists: undefined,
};
const standby: StandbyFacts = { ...first, since: now - 3000, stoodBy: true };
const taken: StandbyFacts = { ...standby, lock: "taken", aloneSince: undefined };
const hour = 3_600_000;

const table: [string, StandbyFacts, StandbyStep][] = [
  ["an instance that is alone serves at once", first, { kind: "take_over" }],
  [
    "without a lock there is no standby",
    { ...first, lock: "unavailable", others: { same: 1, unmarked: 1 } },
    { kind: "take_over" },
  ],
  ["waits for the lock", taken, { kind: "wait", for: "lock", ms: 5 }],
  [
    "waits without end for an instance that has the lock, also if it hangs, and asks less often",
    { ...taken, since: now - hour },
    { kind: "wait", for: "lock", ms: 50 },
  ],
  [
    "waits for an instance of the same resource that has another state directory",
    { ...standby, since: now - hour, others: { same: 1, unmarked: 0 }, aloneSince: undefined },
    { kind: "wait", for: "socket", ms: 100 },
  ],
  [
    "waits for an older plugin, which has no lock, for the time of an update",
    { ...standby, since: now - 59_999, others: { same: 0, unmarked: 1 } },
    { kind: "wait", for: "socket", ms: 100 },
  ],
  [
    "registers beside an older plugin after that, as it may serve another resource",
    { ...standby, since: now - 60_000, others: { same: 0, unmarked: 1 } },
    { kind: "take_over" },
  ],
  [
    "takes over at once from an instance that has said that its stream has ended",
    { ...standby, streamHasEnded: true },
    { kind: "take_over" },
  ],
  [
    "takes over at once when it has registered before the end of an instance, also of one that crashed then",
    { ...standby, isRegistered: true, kubeletLists: true },
    { kind: "take_over" },
  ],
  [
    "waits until the kubelet has noticed that an instance has crashed",
    { ...standby, kubeletLists: true },
    { kind: "wait", for: "old_stream", ms: 15 },
  ],
  [
    "takes over when the kubelet lists no device",
    { ...standby, kubeletLists: false },
    { kind: "take_over" },
  ],
  [
    "waits for a kubelet that does not say, for the time that it takes to notice",
    { ...standby, aloneSince: now - 990 },
    { kind: "wait", for: "old_stream", ms: 10 },
  ],
  [
    "takes over after that time",
    { ...standby, aloneSince: now - 1000, kubeletLists: true },
    { kind: "take_over" },
  ],
];

describe("a starting instance", () => {
  for (const [sentence, facts, step] of table) {
    test(sentence, () => {
      expect(decideStandby(facts, times)).toEqual(step);
    });
  }
});
