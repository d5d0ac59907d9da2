import type { Clock } from "./clock.ts";

/**
 * A wake-up that can't be missed: a notify given while nobody waits makes the next wait return at once.
 * Several nudges before a wait count as one.
 */
export class Notify {
  #pending = false;
  #wake: (() => void) | undefined;

  /** Safe to pass around unbound. */
  readonly notify = (): void => {
    this.#pending = true;
    this.#wake?.();
  };

  /**
   * Resolves on a notify, after `ms`, or when `signal` aborts, whichever is first; true if it was a
   * notify.
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
    const notified = this.#pending;
    this.#pending = false;
    return notified;
  }
}
