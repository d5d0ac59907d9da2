import type { Clock } from "../common/clock.ts";
import type { LogFields } from "../common/logger.ts";
import { type RegistrationTimes, retryAt } from "./registration.ts";

export interface RetriesDeps {
  readonly clock: Pick<Clock, "now">;
  /** In [0, 1). */
  readonly random: () => number;
  readonly times: RegistrationTimes;
}

/** How often a kubelet was failed at in a row, and when the next try is due. Kubelets are told apart by their socket. */
export class RegistrationRetries {
  readonly #deps: RetriesDeps;
  #kubelet: string | undefined;
  #failures = 0;
  #notBefore = 0;

  constructor(deps: RetriesDeps) {
    this.#deps = deps;
  }

  /** Counts a failure at a kubelet and puts the next try off. */
  failedAt(kubelet: string | undefined): void {
    const { clock, random, times } = this.#deps;
    if (kubelet !== this.#kubelet) this.#failures = 0;
    this.#kubelet = kubelet;
    this.#failures += 1;
    this.#notBefore = retryAt(clock.now(), this.#failures, times, random());
  }

  /** A registration has held: what failed before it counts no more. */
  proved(): void {
    this.#failures = 0;
  }

  /** Ms since the epoch; the past if it was never failed at: a new kubelet deserves a try at once. */
  dueAt(kubelet: string | undefined): number {
    if (kubelet !== this.#kubelet) this.#notBefore = 0;
    return this.#notBefore;
  }

  /** What is told of the next try after a failure. */
  fields(): LogFields {
    return {
      attempt: this.#failures,
      retry_in_ms: Math.max(0, this.#notBefore - this.#deps.clock.now()),
      next: "it is tried again then, at once if there is a new kubelet",
    };
  }
}
