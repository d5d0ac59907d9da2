export interface BackoffOptions {
  /** Milliseconds after the first failure. */
  initialMs: number;
  /** Upper bound of any delay, milliseconds. */
  maxMs: number;
}

/**
 * Milliseconds before the next try: `initial · 2^(failures-1)` up to `max`, of which the upper
 * half is random, so that many nodes that restart together don't try in step. 0 if nothing failed yet.
 * @param random in [0, 1).
 */
export function backoffDelay(failures: number, options: BackoffOptions, random: number): number {
  if (failures <= 0) return 0;
  const ceiling = Math.min(options.maxMs, options.initialMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
