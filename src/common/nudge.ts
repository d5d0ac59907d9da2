import type { Clock } from "./clock.ts";

/**
 * A wake-up that can't be missed: a nudge given while nobody waits makes the next wait return at once.
 * Several nudges before a wait count as one.
 */
export class Nudge {
  #pending = false;
  #wake: (() => void) | undefined;

  /** Safe to pass around unbound. */
  readonly nudge = (): void => {
    this.#pending = true;
    this.#wake?.();
  };

  /**
   * Resolves on a nudge, after `ms`, or when `signal` aborts, whichever is first; true if it was a
   * nudge.
   */
  async wait(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#pending && !signal.aborted) {
      const done = new AbortController();
      const stop = () => done.abort();
      this.#wake = stop;
      signal.addEventListener("abort", stop, { once: true });
      await clock.sleep(ms, done.signal);
      signal.removeEventListener("abort", stop);
      this.#wake = undefined;
    }
    const nudged = this.#pending;
    this.#pending = false;
    return nudged;
  }
}
