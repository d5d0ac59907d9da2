/** How often a costly value is made at most. */
export interface ThrottleLimits {
  /** Length of a window, ms. */
  readonly windowMs: number;
  /** Calls of a window that get a new value; the rest get the last one. */
  readonly fresh: number;
}

/** Twenty a second: no Prometheus and no reader comes near it, and a flood gets answers up to 250 ms old. */
export const defaultThrottle: ThrottleLimits = { windowMs: 250, fresh: 5 };

/**
 * Limits how often `make` runs: beyond the window's limit, a call returns the last value. An error counts as a
 * value: it is thrown again, and so is a rejected promise.
 *
 * @param now monotonic, ms.
 */
export function throttle<T>(
  make: () => T,
  { windowMs, fresh }: ThrottleLimits = defaultThrottle,
  now: () => number = () => performance.now(),
): () => T {
  let windowEnd = Number.NEGATIVE_INFINITY;
  let left = 0;
  let last: () => T = make;
  return () => {
    const at = now();
    if (at >= windowEnd) {
      windowEnd = at + windowMs;
      left = fresh;
    }
    if (left > 0) {
      left--;
      last = outcome(make);
    }
    return last();
  };
}

function outcome<T>(make: () => T): () => T {
  try {
    const value = make();
    return () => value;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
