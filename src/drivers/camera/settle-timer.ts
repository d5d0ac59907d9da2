import type { Clock } from "../../common/clock.ts";

/**
 * How long after the last event of a device the driver looks at it, ms: udev sets its mode and group and makes its links
 * meanwhile.
 */
const quietMs = 200;

/**
 * The longest time after the first event, ms, while one device after the other is plugged in; and the least time between
 * two notifications, so that such a storm is few messages to the kubelet.
 */
const longestMs = 800;

/** Calls `notify` when events have come to a rest, and from time to time while they go on. */
export class SettleTimer {
  readonly #clock: Clock;
  readonly #notify: () => void;
  readonly #signal: AbortSignal;
  #lastEvent = 0;
  #notifiedAt = Number.NEGATIVE_INFINITY;
  #isWaiting = false;

  constructor(clock: Clock, notify: () => void, signal: AbortSignal) {
    this.#clock = clock;
    this.#notify = notify;
    this.#signal = signal;
  }

  /** An event has come. */
  extend(): void {
    this.#lastEvent = this.#clock.now();
    if (!this.#isWaiting) void this.#wait();
  }

  async #wait(): Promise<void> {
    this.#isWaiting = true;
    const latest = this.#clock.now() + longestMs;
    for (let restMs = quietMs; restMs > 0 && !this.#signal.aborted; ) {
      restMs = Math.min(this.#dueAt(), latest) - this.#clock.now();
      if (restMs > 0) await this.#clock.sleep(restMs, this.#signal);
    }
    this.#isWaiting = false;
    if (this.#signal.aborted) return;
    this.#notifiedAt = this.#clock.now();
    this.#notify();
    // The last ones have had less than their time.
    if (this.#lastEvent + quietMs > this.#clock.now()) void this.#wait();
  }

  #dueAt(): number {
    return Math.max(this.#lastEvent + quietMs, this.#notifiedAt + longestMs);
  }
}
