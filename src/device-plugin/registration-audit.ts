import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { Notify } from "../common/notify.ts";
import { PluginError } from "../common/plugin-error.ts";

export interface AuditDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /**
   * IDs that the kubelet says it could give to pods; rejects if it can't be asked, with
   * `pod_resources_busy` if only not now.
   */
  readonly allocatable: (signal: AbortSignal) => Promise<string[]>;
  /** IDs that we told it are healthy; undefined while we are not registered. */
  readonly expected: () => readonly string[] | undefined;
  /** Calls `notify` when a question would be timely: another instance's socket has come or gone. */
  readonly watch: (notify: () => void, signal: AbortSignal) => void;
  /** Told when the kubelet does not know our devices although it listens to us. */
  readonly onNotListed: () => void;
}

/** Times of the audit. */
export interface AuditTimes {
  /** Between two questions, ms. */
  readonly intervalMs: number;
  /** From a notify, or from a first answer that was wrong, to the next question, ms. */
  readonly soonMs: number;
  /** Questions in a row that must go wrong before a registration is given up. */
  readonly rounds: number;
}

export const defaultAuditTimes: AuditTimes = {
  // As often as the kubelet tells the API server of its node's devices (nodeStatusUpdateFrequency).
  intervalMs: 10_000,
  // Time for a kubelet that is in the middle of a registration to finish it.
  soonMs: 1000,
  // One alone may have been given before the kubelet had read our list.
  rounds: 2,
};

/** How often the number of rounds may double while giving up has not helped: 2 rounds become 128. */
const maxDoublings = 6;

/**
 * Asks the kubelet itself whether our registration is worth anything. Kubelets up to 1.36 can lose a
 * registration while its stream stays open: the end of another instance's stream, or an old one's that is
 * noticed late, takes the current endpoint with it (kubernetes/kubernetes#121994). Nothing on the
 * stream shows it; the pod-resources API does.
 *
 * Only an empty answer counts, twice in a row: a partial one is a node status that lags behind.
 */
export class RegistrationAudit {
  readonly #deps: AuditDeps;
  readonly #times: AuditTimes;
  #misses = 0;
  #doublings = 0;
  #lastLogged = "";

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
      // While giving up has not helped, a wrong answer is no reason to hurry.
      const hurry = this.#misses > 0 && this.#doublings === 0;
      const notified = await notify.wait(clock, hurry ? soonMs : intervalMs, signal);
      // The kubelet needs a moment to draw its own conclusions.
      if (notified) await clock.sleep(soonMs, signal);
      if (!signal.aborted) await this.round(signal);
    }
  }

  /** One question, and what follows from its answer. */
  async round(signal: AbortSignal): Promise<void> {
    const { allocatable, expected, onNotListed, log } = this.#deps;
    if (!expected()?.length) {
      this.#misses = 0;
      return;
    }
    const known = await allocatable(signal).catch((reason: unknown) => {
      if (!signal.aborted) this.#unanswered(PluginError.from(reason));
      return undefined;
    });
    // What was expected may have gone while the kubelet was asked.
    if (known === undefined || !expected()?.length) return;
    this.#lastLogged = "";
    if (known.length > 0) {
      this.#misses = 0;
      this.#doublings = 0;
      return;
    }
    this.#misses += 1;
    log.debug("The kubelet lists none of our devices", { times: this.#misses });
    // Giving a registration up costs a second without devices, so if it doesn't help it is done ever rarer.
    if (this.#misses < this.#times.rounds * 2 ** this.#doublings) return;
    this.#misses = 0;
    this.#doublings = Math.min(this.#doublings + 1, maxDoublings);
    onNotListed();
  }

  /**
   * An unanswered question says nothing about the registration. It is told once; that the kubelet is asked
   * too much by others is no news.
   */
  #unanswered({ code, message }: PluginError): void {
    if (message === this.#lastLogged) return;
    if (code === "pod_resources_busy") {
      this.#deps.log.debug("The registration can't be audited", { error: message });
      return;
    }
    this.#lastLogged = message;
    this.#deps.log.info("The registration can't be audited", {
      reason: code,
      error: message,
      next: "it is asked again at each round",
      detail:
        "the pod-resources socket does not answer; a registration lost without a sign goes unnoticed",
    });
  }
}
