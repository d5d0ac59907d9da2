import type { BackoffOptions } from "../common/backoff.ts";

/** Times of the caretaker; tests that can't wait have their own. */
export interface CareTimes {
  /** Between two questions to the kubelet, ms: the option `pod-resources-interval`. */
  readonly pollMs: number;
  /** From an allocation to the next question: the kubelet records one only after the answer. ms */
  readonly settleMs: number;
  /** How long an allocation counts before it is listed, and how long a device must be left out, ms. */
  readonly graceMs: number;
  /** After a kubelet has begun anew: how long what it leaves out doesn't count, ms. It reads its pods meanwhile. */
  readonly restartGraceMs: number;
  /** How soon after an allocation the same pod's next container asks again, at most, ms. */
  readonly reallocateMs: number;
  /** How long the kubelet's answer is awaited inside Allocate, ms. */
  readonly askMs: number;
  /** How long it is awaited at the end of the process, twice at most, ms: a third of the time for removals stays. */
  readonly lastAskMs: number;
  /** How long Allocate may take for all its devices, ms: the kubelet's sync loop waits for it. */
  readonly claimMs: number;
  /** How long PreStartContainer may take for all its devices, ms; the kubelet's patience is 30 s. */
  readonly prepareMs: number;
  /** Waits after a failed reset or repair. */
  readonly backoff: BackoffOptions;
  /** Failed resets in a row after which a device is no longer offered. */
  readonly tolerated: number;
}

export const defaultCareTimes: CareTimes = {
  pollMs: 10_000,
  settleMs: 1000,
  graceMs: 20_000,
  restartGraceMs: 60_000,
  reallocateMs: 500,
  askMs: 300,
  lastAskMs: 1000,
  claimMs: 2000,
  prepareMs: 10_000,
  backoff: { initialMs: 1000, maxMs: 300_000 },
  tolerated: 3,
};
