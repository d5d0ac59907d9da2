import type { BackoffOptions } from "../common/backoff.ts";
import type { PluginError } from "../common/plugin-error.ts";

/** What the reconciler decides on. All of it is read afresh for each decision. Times are ms since the epoch. */
export interface RegistrationFacts {
  readonly now: number;
  /** Our server: `none`, `serving`, or `socket_lost` (serving, but the socket's path is gone or is another file). */
  readonly server: "none" | "serving" | "socket_lost";
  /** Number of open ListAndWatch streams that were opened on this server since Register was called. */
  readonly streams: number;
  /** True if any stream has been opened on this server since Register was called. */
  readonly streamSeen: boolean;
  readonly kubelet: KubeletSocketState;
  /** Since when the kubelet's socket has refused connections; undefined if it does not. */
  readonly refusingSince: number | undefined;
  /** When the kubelet accepted Register on this server; undefined if it has not. */
  readonly registeredAt: number | undefined;
  /** The last end of a stream, on this server or an earlier one. */
  readonly lastStreamEnd: StreamEnd | undefined;
  /** Since when the kubelet's socket has not been the one we registered at, while streams stay open. */
  readonly kubeletReplacedAt: number | undefined;
  /** True if the kubelet lists none of our devices although a stream is open. */
  readonly notListed: boolean;
  /** Why only a new process can reach the kubelet's directories; undefined while this one can, or is registered. */
  readonly lostDirectory: PluginError | undefined;
  /** After a failure Register may not be called before this time. */
  readonly notBefore: number;
}

/** The state of the kubelet's socket. It does not say whether a kubelet answers there. */
export interface KubeletSocketState {
  /** `absent`: no file; `refusing`: a file that no process listens on; `accepting`: a process listens on it. */
  readonly state: "absent" | "refusing" | "accepting";
  /** Identity of the socket file, which is another one after a restart of the kubelet; undefined if absent. */
  readonly identity: string | undefined;
}

/** The end of one of the kubelet's ListAndWatch streams, by either side. */
export interface StreamEnd {
  /** When the end was noticed, ms since the epoch. */
  readonly at: number;
  /** Identity of the kubelet's socket on which Register was called for the stream. */
  readonly kubelet: string;
}

/** What the registrar does next: a step, `wait` for at most `ms`, or `end`, since only a new process can go on. */
export type RegistrationAction =
  | RegistrationStep
  | { readonly kind: "end"; readonly reason: RegistrationReason; readonly error: PluginError }
  | { readonly kind: "wait"; readonly reason: RegistrationReason; readonly ms: number };

/**
 * An action that can fail.
 * - `listen`: serve on a new socket, and dial it.
 * - `register`: call Register.
 * - `close`: end the registration with its streams and its server.
 */
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
  | "backoff"
  | "directory_lost";

/** Times of the reconciler, ms. */
export interface RegistrationTimes {
  /** Between two decisions if no event comes. */
  readonly tickMs: number;
  /** Between two decisions while the kubelet's socket refuses connections, within `refusingGraceMs`. */
  readonly refusingMs: number;
  /** How long a socket that refuses may belong to a kubelet that starts; afterwards it is a dead kubelet's. */
  readonly refusingGraceMs: number;
  /** Deadline of Register. The kubelet dials back for 10 s within it; a shorter deadline hides the kubelet's error. */
  readonly registerMs: number;
  /** How long the kubelet may take to open ListAndWatch after it has answered Register. */
  readonly streamGraceMs: number;
  /**
   * Between the end of a stream and the next Register at the same kubelet. Kubelets up to 1.36 drop the current
   * client when they notice the end of an old stream (k/k#121994), so Register has to come after that.
   */
  readonly settleMs: number;
  /** How long a standby may take to register, before this instance's stream ends. */
  readonly standbyMs: number;
  /** How long streams may stay open after the kubelet's socket was replaced. */
  readonly replacedGraceMs: number;
  /** A registration that lasted longer resets the backoff. */
  readonly provenMs: number;
  readonly backoff: BackoffOptions;
}

export const defaultRegistrationTimes: RegistrationTimes = {
  // An event that inotify missed is found within a second; a check is a stat and a connect.
  tickMs: 1000,
  // The kubelet listens milliseconds after it has bound its socket; on a node that is busy starting, later.
  refusingMs: 50,
  refusingGraceMs: 5000,
  // The kubelet's 10 s for its dial (client.go), and time for its answer.
  registerMs: 15_000,
  // The kubelet opens the stream right after its dial, in the same second. The limit is that of its dial.
  streamGraceMs: 10_000,
  // The kubelet only has to schedule the old client's goroutine, which takes long only on an overloaded node. Not
  // longer than needed: a pod that starts meanwhile fails.
  settleMs: 1000,
  // It takes some 15 ms on an idle machine, and this instance serves meanwhile. With the rest of a stop below 5 s.
  standbyMs: 3000,
  // A kubelet that ends takes its connections with it at once; only the order of the events is uncertain.
  replacedGraceMs: 5000,
  // Equal to streamGraceMs: until then a registration without a stream looks the same.
  provenMs: 10_000,
  // The kubelet may accept later what it rejects now. Other plugins wait 30 s (NVIDIA/k8s-device-plugin); a restart
  // of the kubelet ends the wait.
  backoff: { initialMs: 1000, maxMs: 30_000 },
};

/**
 * Decides what the registrar does next. Level-triggered: the decision depends on no event that could be missed. Register is
 * never called while one of our streams is open.
 */
export function decide(facts: RegistrationFacts, times: RegistrationTimes): RegistrationAction {
  const isRegistered = facts.registeredAt !== undefined || facts.streamSeen;
  return facts.server !== "none" && isRegistered
    ? whileRegistered(facts, times)
    : towardsRegistration(facts, times);
}

function whileRegistered(facts: RegistrationFacts, times: RegistrationTimes): RegistrationAction {
  const { now } = facts;
  if (facts.streams > 0) {
    if (facts.notListed) return { kind: "close", reason: "not_listed" };
    // A stream ends with the kubelet that opened it. A stream that stays open belongs to another process, and would
    // keep us from registering at the new kubelet.
    if (facts.kubeletReplacedAt !== undefined) {
      const left = facts.kubeletReplacedAt + times.replacedGraceMs - now;
      if (left <= 0) return { kind: "close", reason: "kubelet_replaced" };
      return wait("registered", Math.min(left, times.tickMs));
    }
    // The kubelet's connection outlives our socket's file, so a lost file can wait.
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
  const { now, kubelet, lastStreamEnd, lostDirectory } = facts;
  // First of all: what the mount of a deleted directory shows says nothing about the kubelet.
  if (lostDirectory) return { kind: "end", reason: "directory_lost", error: lostDirectory };
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
