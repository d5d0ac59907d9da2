/** What a starting instance decides on. All of it is read afresh for each decision. Times are ms since the epoch. */
export interface StandbyFacts {
  readonly now: number;
  /** When this instance began to look for others. */
  readonly since: number;
  /**
   * The lock that one instance of the resource has: `ours`, `taken` by another process, or `unavailable` (there is no
   * directory that the instances share).
   */
  readonly lock: "ours" | "taken" | "unavailable";
  /** Other instances that serve on a socket, although they don't have the lock. */
  readonly others: {
    /** Those of the same resource. */
    readonly same: number;
    /** Those of older plugins, which may serve another resource. */
    readonly unmarked: number;
  };
  /** True if this instance has stood by, so that a stream may have ended just now. */
  readonly stoodBy: boolean;
  /** True if this instance has registered while the last one still served. */
  readonly isRegistered: boolean;
  /** True if the last instance said that its stream has ended at the kubelet. */
  readonly streamHasEnded: boolean;
  /** Since when there has been no other instance; undefined while there is one. */
  readonly aloneSince: number | undefined;
  /** True if the kubelet lists healthy devices of the resource; undefined if it does not answer. */
  readonly kubeletLists: boolean | undefined;
}

/** What a starting instance does next. `wait`: for `ms` at most, for the end of what is named. */
export type StandbyStep =
  | { readonly kind: "wait"; readonly for: StandbyWait; readonly ms: number }
  | { readonly kind: "take_over" };

/** What a standby waits for: another instance's end, or that the kubelet has noticed that end. */
export type StandbyWait = "lock" | "socket" | "old_stream";

/** Times of a standby, ms. */
export interface StandbyTimes {
  /** Between two tries to take the lock at first, and after `longMs`. */
  readonly lockMs: number;
  readonly lockLaterMs: number;
  /** Between two looks at the sockets of instances without the lock. */
  readonly socketMs: number;
  /** A standby that lasts this long is hardly part of an update; an older plugin of that age is not waited for. */
  readonly longMs: number;
  /** Between two questions whether the kubelet has noticed a stream's end. */
  readonly streamMs: number;
  /** How long a kubelet that does not say so may take: {@link RegistrationTimes.settleMs}. */
  readonly settleMs: number;
  /** How long an instance that has registered while the last one still served waits for the lock, and holds calls about pods. */
  readonly besideMs: number;
}

export const defaultStandbyTimes: StandbyTimes = {
  // No event shows that a lock is free. 200 tries a second take 0.7 % of a core, 20 of them next to nothing.
  lockMs: 5,
  lockLaterMs: 50,
  // A look connects to each socket. It only concerns the first update from a version without the lock.
  socketMs: 100,
  longMs: 60_000,
  // The kubelet answers 100 questions a second, to all clients together.
  streamMs: 15,
  settleMs: 1000,
  // An instance that ends needs half a second for its work, and 0.3 s for calls in flight.
  besideMs: 5000,
};

/**
 * Decides whether an instance takes over or goes on standing by. Level-triggered, as `decide` of the registration.
 *
 * An instance that has the lock is waited for without a limit, also if it hangs: two at once would take the
 * registration from each other. An older plugin has no lock and may serve another resource, so it is waited for only
 * for the time that an update takes. Without a lock there is no standby.
 */
export function decideStandby(facts: StandbyFacts, times: StandbyTimes): StandbyStep {
  const { now, others } = facts;
  const isLong = now - facts.since >= times.longMs;
  if (facts.lock === "unavailable") return { kind: "take_over" };
  if (facts.lock === "taken") {
    return { kind: "wait", for: "lock", ms: isLong ? times.lockLaterMs : times.lockMs };
  }
  if (others.same > 0 || (others.unmarked > 0 && !isLong)) {
    return { kind: "wait", for: "socket", ms: times.socketMs };
  }
  // A Register that the kubelet serves before the old stream's end takes effect for moments only: k/k#121994.
  const isPending =
    facts.stoodBy &&
    !facts.isRegistered &&
    !facts.streamHasEnded &&
    facts.kubeletLists !== false &&
    others.unmarked === 0;
  const left = (facts.aloneSince ?? now) + times.settleMs - now;
  if (isPending && left > 0) {
    return { kind: "wait", for: "old_stream", ms: Math.min(left, times.streamMs) };
  }
  return { kind: "take_over" };
}
