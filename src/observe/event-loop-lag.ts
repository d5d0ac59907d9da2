import type { Clock } from "../common/clock.ts";

/** Between two measurements, ms: one wake-up a second is not to be seen in the CPU time. */
const intervalMs = 1000;
/** How many measurements are remembered: four scrapes a minute all see the same stall. */
const remembered = 60;

/**
 * How late timers come, which is how long everything else had to wait as well. Node's own
 * `monitorEventLoopDelay` works on Bun, but by a timer every few ms, which alone is 0.4 % of a core.
 */
export class EventLoopLag {
  readonly #clock: Clock;
  /** ms, the latest one last. */
  readonly #lags: number[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Of the last measurement, at most a second ago, seconds; 0 before the first. */
  get now(): number {
    return (this.#lags.at(-1) ?? 0) / 1000;
  }

  /** The longest of the last minute, seconds; 0 before the first. */
  get worst(): number {
    return Math.max(0, ...this.#lags) / 1000;
  }

  /** Measures until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const due = this.#clock.now() + intervalMs;
      await this.#clock.sleep(intervalMs, signal);
      if (signal.aborted) return;
      this.#lags.push(Math.max(0, this.#clock.now() - due));
      if (this.#lags.length > remembered) this.#lags.shift();
    }
  }
}
