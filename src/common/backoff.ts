/** Exponential backoff with full-range jitter on its upper half. */
export interface BackoffOptions {
  /** Delay after the first failure, ms. */
  initialMs: number;
  /** Upper bound of any delay, ms. */
  maxMs: number;
}

/**
 * The delay before the next try, in ms: `initial · 2^(failures-1)` up to `max`, of which the upper
 * half is random, so that a fleet restarted together does not knock in step.
 * `random` is in [0, 1). No failures, no delay.
 */
export function backoffDelay(failures: number, options: BackoffOptions, random: number): number {
  if (failures <= 0) return 0;
  const ceiling = Math.min(options.maxMs, options.initialMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
