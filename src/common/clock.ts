/** The program's time; tests have their own. */
export interface Clock {
  /** Milliseconds since the epoch; never goes back. */
  now(): number;
  /** Resolves after `ms`, or when `signal` aborts. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Milliseconds since the epoch by the wall clock, when monotonic time was 0. */
const startedAt = Date.now() - performance.now();

/**
 * The machine's time: the wall clock when the process started, and monotonic time since. It doesn't follow a wall
 * clock that is set later: if that went back by an hour, every wait that was computed before would take an hour longer.
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

/** Resolves when `signal` aborts, at once if it already has. Never rejects. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
