import type { ErrorCode } from "../common/error-codes.ts";
import type { LogFields, Logger } from "../common/logger.ts";
import { explainWait } from "./explain-registration.ts";
import type { RegistrationAction, RegistrationFacts } from "./registration.ts";

/** Why a wait for the kubelet does not end by itself. */
const fatalWaits: ReadonlySet<ErrorCode> = new Set([
  "kubelet_directory_missing",
  "kubelet_directory_denied",
]);

/** Milliseconds between two lines about the same wait for the kubelet. */
const reminderMs = 600_000;

/**
 * Logs the reconciler's decisions: each new one at debug level with its inputs; at info level a wait for the kubelet, or
 * as a warning if only a person can end it, at the start and after every ten minutes of it. A kubelet's restart is too short a wait for a line.
 */
export class RegistrationLog {
  readonly #log: Logger;
  readonly #kubeletSocket: string;
  #lastLogged = { decision: "", at: 0 };

  constructor(log: Logger, kubeletSocket: string) {
    this.#log = log;
    this.#kubeletSocket = kubeletSocket;
  }

  decided(action: RegistrationAction, facts: RegistrationFacts): void {
    const { reason } = action;
    const decision = `${action.kind} ${reason}`;
    const isNew = decision !== this.#lastLogged.decision;
    const isDue = facts.now - this.#lastLogged.at >= reminderMs;
    if (isNew) this.#log.debug("Registration decision", fields(action, facts));
    if (isDue && (reason === "kubelet_absent" || reason === "kubelet_refusing")) {
      const why = explainWait(reason, this.#kubeletSocket);
      // The kubelet comes by itself, a mount or a permission does not.
      const isFatal = why !== undefined && fatalWaits.has(why.code);
      this.#log[isFatal ? "warn" : "info"]("Waiting for the kubelet", {
        kubelet_socket: this.#kubeletSocket,
        reason,
        ...why?.fields(),
        next: "registering once the kubelet accepts connections",
      });
    }
    if (isNew || isDue) this.#lastLogged = { decision, at: facts.now };
  }
}

function fields(action: RegistrationAction, facts: RegistrationFacts): LogFields {
  const { now, kubelet, lastStreamEnd, notBefore } = facts;
  const ago = (at: number | undefined) => (at === undefined ? undefined : now - at);
  return {
    action: action.kind,
    reason: action.reason,
    look_again_in_ms: action.kind === "wait" ? action.ms : undefined,
    server: facts.server,
    streams: facts.streams,
    stream_seen: facts.streamSeen,
    kubelet: kubelet.state,
    kubelet_identity: kubelet.identity,
    registered_ms_ago: ago(facts.registeredAt),
    last_stream_end_ms_ago: ago(lastStreamEnd?.at),
    last_stream_kubelet: lastStreamEnd?.kubelet,
    kubelet_replaced_ms_ago: ago(facts.kubeletReplacedAt),
    refusing_for_ms: ago(facts.refusingSince),
    not_before_in_ms: notBefore > now ? notBefore - now : undefined,
    not_listed: facts.notListed,
    lost_directory: facts.lostDirectory?.code,
  };
}
