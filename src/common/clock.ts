/** Time as the program sees it; tests give their own. */
export interface Clock {
  /** Milliseconds since the epoch; never goes back. */
  now(): number;
  /** Resolves after `ms`, or at once when `signal` aborts (it never rejects). */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The epoch as the wall clock had it at start. */
const startedAt = Date.now() - performance.now();

/**
 * The machine's time in whole ms since the epoch: the wall clock as it was when the process started, and monotonic
 * time since. It never follows a wall clock that is set anew: one that is set back by an hour would hold every
 * wait that was computed before for an hour.
 */
export const systemClock: Clock = {
  now: () => Math.round(startedAt + performance.now()),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener("abort", done, { once: true });
    }),
};
