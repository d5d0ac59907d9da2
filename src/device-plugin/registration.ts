import { type BackoffOptions, backoffDelay } from "../common/backoff.ts";

/**
 * What the registration reconciler sees, all of it looked up afresh for each decision.
 * Times are ms since the epoch.
 */
export interface RegistrationFacts {
  readonly now: number;
  /**
   * Our server: `none`, `serving`, or `socket_lost` (serving, but its path is gone or belongs to
   * another file).
   */
  readonly server: "none" | "serving" | "socket_lost";
  /** ListAndWatch streams opened on this server since Register was called. */
  readonly streams: number;
  readonly kubelet: KubeletSocketState;
  /** Since when the kubelet's socket has been refusing; undefined if it isn't. */
  readonly refusingSince: number | undefined;
  /** When Register succeeded on this server; undefined if it has not. */
  readonly registeredAt: number | undefined;
  /** The last stream that ended, on this server or an earlier one. */
  readonly lastStreamEnd: StreamEnd | undefined;
  /** Whether a stream has ever been opened on this server since Register was called. */
  readonly streamSeen: boolean;
  /** Since when the kubelet's socket has not been the one we registered at, while streams live on. */
  readonly kubeletReplacedAt: number | undefined;
  /** The kubelet says that it knows none of our devices although a stream lives. */
  readonly notListed: boolean;
  /** Not before this time may Register be called again after a failure. */
  readonly notBefore: number;
}

/** The kubelet's socket as one look saw it, which says nothing of whether a kubelet answers there. */
export interface KubeletSocketState {
  /** `absent`: no file; `refusing`: a file nobody listens on; `accepting`: somebody does. */
  readonly state: "absent" | "refusing" | "accepting";
  /** Identifies the socket file, so that a kubelet started anew is known; undefined if absent. */
  readonly identity: string | undefined;
}

/** That a ListAndWatch stream of the kubelet's has ended, from whichever side. */
export interface StreamEnd {
  /** When that was noticed, ms since the epoch. */
  readonly at: number;
  /** Identity of the kubelet socket the stream's registration went to. */
  readonly kubelet: string;
}

/**
 * What to do next.
 * - `listen`: serve on a new socket and dial it.
 * - `register`: call Register.
 * - `close`: end the streams, stop the server; the registration on it is over.
 * - `wait`: nothing, for `ms` at most.
 */
export type RegistrationAction =
  | RegistrationStep
  | { readonly kind: "wait"; readonly reason: RegistrationReason; readonly ms: number };

/** What is done, and can fail. */
export interface RegistrationStep {
  readonly kind: "listen" | "register" | "close";
  readonly reason: RegistrationReason;
}

/** Stable words for logs and metrics. */
export type RegistrationReason =
  | "registered"
  | "kubelet_absent"
  | "kubelet_refusing"
  | "kubelet_ready"
  | "kubelet_replaced"
  | "not_listed"
  | "stream_expected"
  | "stream_missing"
  | "stream_ended"
  | "socket_lost"
  | "settling"
  | "backoff";

/** Times of the reconciler, ms. */
export interface RegistrationTimes {
  /** Between two looks if nothing nudges. */
  readonly tickMs: number;
  /** Between two looks at a kubelet socket that is bound but not yet listened on. */
  readonly refusingMs: number;
  /** How long it is looked at that often, ms; a socket that refuses longer was left by a dead kubelet. */
  readonly refusingGraceMs: number;
  /** Deadline of Register. The kubelet dials back for 10 s within it; a shorter one hides its own error. */
  readonly registerMs: number;
  /** How long the kubelet may take to open ListAndWatch after it answered Register. */
  readonly streamGraceMs: number;
  /**
   * Between the end of a stream and the next Register at the same kubelet. Kubelets up to 1.36 tear down
   * whatever client is current when they notice an old stream's end (k/k#121994), so the new one has
   * to come after.
   */
  readonly settleMs: number;
  /** How long streams may outlive the kubelet socket their registration went to. */
  readonly replacedGraceMs: number;
  /** A registration that lived longer than this was a success; the backoff starts over after it. */
  readonly provenMs: number;
  readonly backoff: BackoffOptions;
}

export const defaultRegistrationTimes: RegistrationTimes = {
  // What inotify missed is found a second later; a look is a stat and a connect.
  tickMs: 1000,
  // The kubelet listens milliseconds after it has bound its socket; a node that is busy with its start may take longer.
  refusingMs: 50,
  refusingGraceMs: 5000,
  // The kubelet's 10 s for its dial (client.go), and time for its answer.
  registerMs: 15_000,
  // It opens the stream right after the dial, in the same second; as patient as it is with us.
  streamGraceMs: 10_000,
  // The old client's goroutine only has to be scheduled for that, which takes long only on a node without CPU to
  // spare. No longer than needed: a pod that comes meanwhile fails.
  settleMs: 1000,
  // A kubelet that ends takes its connections with it at once; only the order of the events is uncertain.
  replacedGraceMs: 5000,
  // As long as a stream may be missing: before that nothing shows that it works.
  provenMs: 10_000,
  // What a kubelet refuses it may take a moment later. 30 s is what other plugins wait (NVIDIA/k8s-device-plugin);
  // a kubelet that starts ends the wait.
  backoff: { initialMs: 1000, maxMs: 30_000 },
};

/**
 * The reconciler's whole judgement, a function of what is seen. Level-triggered: nothing here depends on
 * having witnessed an event. Register is never called while one of our streams lives.
 */
export function decide(facts: RegistrationFacts, times: RegistrationTimes): RegistrationAction {
  if (facts.server !== "none" && (facts.registeredAt !== undefined || facts.streamSeen)) {
    return whileRegistered(facts, times);
  }
  return towardsRegistration(facts, times);
}

function whileRegistered(facts: RegistrationFacts, times: RegistrationTimes): RegistrationAction {
  const { now } = facts;
  if (facts.streams > 0) {
    if (facts.notListed) return { kind: "close", reason: "not_listed" };
    // A stream ends with the kubelet that opened it. One that doesn't belongs to somebody else
    // and would keep us from ever registering at the new kubelet.
    if (facts.kubeletReplacedAt !== undefined) {
      const left = facts.kubeletReplacedAt + times.replacedGraceMs - now;
      if (left <= 0) return { kind: "close", reason: "kubelet_replaced" };
      return wait("registered", Math.min(left, times.tickMs));
    }
    // Our socket's file is not needed while the kubelet's connection lives, so its loss can wait.
    return wait("registered", times.tickMs);
  }
  if (facts.streamSeen) return { kind: "close", reason: "stream_ended" };
  const left = (facts.registeredAt ?? now) + times.streamGraceMs - now;
  if (left <= 0) return { kind: "close", reason: "stream_missing" };
  if (facts.server === "socket_lost") return { kind: "close", reason: "socket_lost" };
  return wait("stream_expected", Math.min(left, times.tickMs));
}

function towardsRegistration(
  facts: RegistrationFacts,
  times: RegistrationTimes,
): RegistrationAction {
  const { now, kubelet, lastStreamEnd } = facts;
  if (facts.server === "socket_lost") return { kind: "close", reason: "socket_lost" };
  if (kubelet.state === "absent") return wait("kubelet_absent", times.tickMs);
  if (kubelet.state === "refusing") {
    const starting = now - (facts.refusingSince ?? now) < times.refusingGraceMs;
    return wait("kubelet_refusing", starting ? times.refusingMs : times.tickMs);
  }
  if (lastStreamEnd !== undefined && lastStreamEnd.kubelet === kubelet.identity) {
    const left = lastStreamEnd.at + times.settleMs - now;
    if (left > 0) return wait("settling", left);
  }
  if (now < facts.notBefore) return wait("backoff", facts.notBefore - now);
  const kind = facts.server === "none" ? "listen" : "register";
  return { kind, reason: "kubelet_ready" };
}

function wait(reason: RegistrationReason, ms: number): RegistrationAction {
  return { kind: "wait", reason, ms };
}

/** When Register may be tried again after `failures` failures in a row, ms since the epoch. */
export function retryAt(
  now: number,
  failures: number,
  times: RegistrationTimes,
  random: number,
): number {
  return now + backoffDelay(failures, times.backoff, random);
}
