/** How often something costly may be made, however often it is asked for. */
export interface Ration {
  /** ms */
  readonly windowMs: number;
  /** In each window. Whoever asks more seldom always gets it fresh. */
  readonly fresh: number;
}

/** Twenty a second: no Prometheus and no reader comes near it, and a flood pays with answers 250 ms old. */
export const defaultRation: Ration = { windowMs: 250, fresh: 5 };

/**
 * `make`, but once the window's ration is used up, what was made last, until the window ends. What throws or rejects
 * uses its ration up, too, and is handed on alike.
 *
 * @param now monotonic, ms.
 */
export function throttle<T>(
  make: () => T,
  { windowMs, fresh }: Ration = defaultRation,
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
