import type { Logger } from "../common/logger.ts";
import { explainWait } from "./explain-registration.ts";
import type { RegistrationAction, RegistrationFacts, RegistrationReason } from "./registration.ts";

/** How often a wait for the kubelet is mentioned again, ms. */
const reminderMs = 600_000;

/**
 * Tells people of the reconciler's decisions: each new one at debug level with its inputs, a wait for the
 * kubelet at info level when it begins and every ten minutes after.
 */
export class RegistrationLog {
  readonly #log: Logger;
  readonly #kubeletSocket: string;
  #lastLogged: { action: string; at: number } = { action: "", at: 0 };

  constructor(log: Logger, kubeletSocket: string) {
    this.#log = log;
    this.#kubeletSocket = kubeletSocket;
  }

  decided(action: RegistrationAction, facts: RegistrationFacts): void {
    const key = `${action.kind} ${action.reason}`;
    const changed = key !== this.#lastLogged.action;
    if (changed) this.#log.debug("Registration decision", fields(action, facts));
    const due = facts.now - this.#lastLogged.at >= reminderMs;
    if (isWaiting(action.reason) && due) {
      this.#log.info("Waiting for the kubelet", {
        kubelet_socket: this.#kubeletSocket,
        reason: action.reason,
        ...explainWait(action.reason, this.#kubeletSocket)?.fields(),
        next: "it is registered with as soon as it answers",
      });
    }
    if (changed || due) this.#lastLogged = { action: key, at: facts.now };
  }
}

/** A restarting kubelet's socket is absent or refuses for moments; only a first or long wait is told. */
function isWaiting(reason: RegistrationReason): boolean {
  return reason === "kubelet_absent" || reason === "kubelet_refusing";
}

function fields(action: RegistrationAction, facts: RegistrationFacts): Record<string, unknown> {
  const { now, server, streams, streamSeen, kubelet, registeredAt, lastStreamEnd } = facts;
  const ago = (at: number | undefined) => (at === undefined ? undefined : now - at);
  return {
    action: action.kind,
    reason: action.reason,
    look_again_in_ms: action.kind === "wait" ? action.ms : undefined,
    server,
    streams,
    stream_seen: streamSeen,
    kubelet: kubelet.state,
    kubelet_identity: kubelet.identity,
    registered_ms_ago: ago(registeredAt),
    last_stream_end_ms_ago: ago(lastStreamEnd?.at),
    last_stream_kubelet: lastStreamEnd?.kubelet,
    kubelet_replaced_ms_ago: ago(facts.kubeletReplacedAt),
    refusing_for_ms: ago(facts.refusingSince),
    not_before_in_ms: facts.notBefore > now ? facts.notBefore - now : undefined,
    not_listed: facts.notListed,
  };
}
