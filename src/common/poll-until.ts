import type { Clock } from "./clock.ts";

export interface Polling {
  /** Milliseconds between two calls. */
  readonly pauseMs: number;
  /** Milliseconds of pauses until it gives up. */
  readonly patienceMs: number;
}

/**
 * Calls `isThere` until it returns true. The pauses count, and not the time that passes, so that a process that gets no
 * CPU calls it as often as any other.
 *
 * @returns false if it gave up.
 */
export async function pollUntil(
  isThere: () => boolean | Promise<boolean>,
  clock: Clock,
  { pauseMs, patienceMs }: Polling,
): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += pauseMs) {
    if (await isThere()) return true;
    await clock.sleep(pauseMs);
  }
  return isThere();
}
