import type { Clock } from "./clock.ts";

/** Ms between two looks, and ms of such pauses until it is given up. */
export interface Polling {
  readonly pauseMs: number;
  readonly patienceMs: number;
}

/**
 * Looks, or tries, until `isThere`. What counts is the pauses and not the time: a process that gets no CPU for longer
 * than its patience looks as often as any other.
 *
 * @returns whether it came.
 */
export async function pollUntil(
  isThere: () => boolean,
  clock: Clock,
  { pauseMs, patienceMs }: Polling,
): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += pauseMs) {
    if (isThere()) return true;
    await clock.sleep(pauseMs);
  }
  return isThere();
}
