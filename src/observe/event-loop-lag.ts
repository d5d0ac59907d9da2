import type { Clock } from "../common/clock.ts";

/** Milliseconds between two measurements: one wake-up a second does not show in the CPU time. */
const intervalMs = 1000;
/** Measurements kept: with four scrapes a minute, each scrape sees the same stall. */
const kept = 60;

/**
 * Measures how late timers fire, which is how long all other work had to wait. Node's `monitorEventLoopDelay` works on
 * Bun, but with a timer every few ms, which alone takes 0.4 % of a core.
 */
export class EventLoopLag {
  readonly #clock: Clock;
  /** ms, the latest last. */
  readonly #lags: number[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Lag of the last measurement, at most a second ago, in seconds; 0 before the first. */
  get now(): number {
    return (this.#lags.at(-1) ?? 0) / 1000;
  }

  /** Longest lag of the last minute, in seconds; 0 before the first measurement. */
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
      if (this.#lags.length > kept) this.#lags.shift();
    }
  }
}
