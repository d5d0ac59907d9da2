import { backoffDelay } from "../common/backoff.ts";
import type { Clock } from "../common/clock.ts";
import type { LogFields } from "../common/logger.ts";
import type { RegistrationTimes } from "./registration.ts";

export interface RetriesDeps {
  readonly clock: Pick<Clock, "now">;
  /** In [0, 1). */
  readonly random: () => number;
  readonly times: Pick<RegistrationTimes, "backoff">;
}

/** Counts failed registrations at one kubelet, known by its socket's identity, and says when the next may start. */
export class RegistrationRetries {
  readonly #deps: RetriesDeps;
  #kubelet: string | undefined;
  #failures = 0;
  #notBefore = 0;

  constructor(deps: RetriesDeps) {
    this.#deps = deps;
  }

  /** Counts a failure and delays the next attempt. */
  failedAt(kubelet: string | undefined): void {
    const { clock, random, times } = this.#deps;
    if (kubelet !== this.#kubelet) this.#failures = 0;
    this.#kubelet = kubelet;
    this.#failures += 1;
    this.#notBefore = clock.now() + backoffDelay(this.#failures, times.backoff, random());
  }

  /** Resets the count after a registration that has lasted. */
  proved(): void {
    this.#failures = 0;
  }

  /** Time of the next attempt, ms since the epoch; in the past for a kubelet without a failure. */
  dueAt(kubelet: string | undefined): number {
    if (kubelet !== this.#kubelet) this.#notBefore = 0;
    return this.#notBefore;
  }

  /** Fields of a log line about a failure. */
  fields(): LogFields {
    return {
      attempt: this.#failures,
      retry_in_ms: Math.max(0, this.#notBefore - this.#deps.clock.now()),
      next: "retrying with backoff, or at once when the kubelet restarts",
    };
  }
}
