import type { Clock } from "../common/clock.ts";
import { LogOnce } from "../common/log-once.ts";
import type { Logger } from "../common/logger.ts";
import { Notify } from "../common/notify.ts";
import { PluginError } from "../common/plugin-error.ts";

export interface AuditDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /**
   * Returns the IDs that the kubelet can allocate. Rejects if the kubelet does not answer, with `pod_resources_busy` if
   * it may answer the next time.
   */
  readonly allocatable: (signal: AbortSignal) => Promise<string[]>;
  /** Returns the IDs that the plugin lists as healthy; undefined while it is not registered. */
  readonly expected: () => readonly string[] | undefined;
  /** Calls `notify` when another instance has created or removed its socket, until `signal` aborts. */
  readonly watch: (notify: () => void, signal: AbortSignal) => void;
  /** Called when the kubelet lists none of our devices although the registration's stream is open. */
  readonly onNotListed: () => void;
}

/** Times of the audit. */
export interface AuditTimes {
  /** Between two rounds, ms. */
  readonly intervalMs: number;
  /** From a notify, or from the first round without our devices, to the next round, ms. */
  readonly soonMs: number;
  /** Number of rounds in a row without our devices that end a registration. */
  readonly rounds: number;
}

export const defaultAuditTimes: AuditTimes = {
  // As often as the kubelet reports the node's devices to the API server (nodeStatusUpdateFrequency).
  intervalMs: 10_000,
  // The kubelet needs time to finish a registration.
  soonMs: 1000,
  // The kubelet may have answered a single one before it read our list.
  rounds: 2,
};

/** How often the number of rounds may double while new registrations don't help: 2 rounds become 128. */
const maxDoublings = 6;

/**
 * Checks with the kubelet's pod-resources API that our registration is in effect. Kubelets up to 1.36 can lose a
 * registration while its stream stays open: when the stream of another instance ends, or when they notice the end of
 * an old stream late, they drop the current endpoint (kubernetes/kubernetes#121994). The stream does not show it.
 *
 * Only an answer with none of our devices counts, twice in a row: an answer with some of them is merely late.
 */
export class RegistrationAudit {
  readonly #deps: AuditDeps;
  readonly #times: AuditTimes;
  #misses = 0;
  #doublings = 0;
  readonly #once = new LogOnce();

  constructor(deps: AuditDeps, times: AuditTimes) {
    this.#deps = deps;
    this.#times = times;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, watch } = this.#deps;
    const { intervalMs, soonMs } = this.#times;
    const notify = new Notify();
    watch(notify.notify, signal);
    while (!signal.aborted) {
      // While a new registration has not helped, there is no reason to hurry.
      const hurry = this.#misses > 0 && this.#doublings === 0;
      const notified = await notify.wait(clock, hurry ? soonMs : intervalMs, signal);
      // The kubelet needs a moment to process the event, too.
      if (notified) await clock.sleep(soonMs, signal);
      if (!signal.aborted) await this.round(signal);
    }
  }

  /** Asks once, and reports a lost registration if enough rounds have found it. */
  async round(signal: AbortSignal): Promise<void> {
    const { allocatable, expected, onNotListed, log } = this.#deps;
    if (!expected()?.length) {
      this.#misses = 0;
      return;
    }
    const known = await allocatable(signal).catch((reason: unknown) => {
      if (!signal.aborted) this.#logUnanswered(PluginError.from(reason));
      return undefined;
    });
    // The registration may have ended meanwhile.
    if (known === undefined || !expected()?.length) return;
    this.#once.forget();
    if (known.length > 0) {
      this.#misses = 0;
      this.#doublings = 0;
      return;
    }
    this.#misses += 1;
    log.debug("Devices not listed by the kubelet", { times: this.#misses });
    // A new registration costs a second without devices. While it does not help, it is tried less and less often.
    if (this.#misses < this.#times.rounds * 2 ** this.#doublings) return;
    this.#misses = 0;
    this.#doublings = Math.min(this.#doublings + 1, maxDoublings);
    onNotListed();
  }

  /** Logs a failure once; at debug level if only the kubelet's rate limit is used up. */
  #logUnanswered({ code, message, remedy }: PluginError): void {
    const { log } = this.#deps;
    if (code === "pod_resources_busy") {
      log.debug("Registration audit failed", { error: message });
    } else if (this.#once.isNew("audit", message)) {
      log[code === "pod_resources_too_large" ? "warn" : "info"]("Registration audit failed", {
        reason: code,
        error: message,
        remedy,
        next: "asking again in the next round",
        detail:
          "without the pod-resources API the plugin can't notice a registration that was lost",
      });
    }
  }
}
