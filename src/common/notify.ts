import type { Clock } from "./clock.ts";

/**
 * A wake-up that can't be missed: a notification outside of a wait makes the next wait return at once. Several
 * notifications before a wait count as one.
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
   * Resolves on a notification, after `ms`, or when `signal` aborts, whichever comes first.
   * @returns true if it was a notification.
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

/**
 * Milliseconds within which notifications become one: the creation of a device causes several events. Short, since the
 * plugin should react to a kubelet's restart and a device's loss at once.
 */
const coalesceMs = 5;

/** Calls `notify` once for all notifications within {@link coalesceMs}. */
export function coalesced(notify: () => void): { notify(): void; cancel(): void } {
  let pending: ReturnType<typeof setTimeout> | undefined;
  return {
    notify() {
      pending ??= setTimeout(() => {
        pending = undefined;
        notify();
      }, coalesceMs);
    },
    cancel: () => clearTimeout(pending),
  };
}
