import type { Clock } from "../common/clock.ts";

/** Between two measurements, ms. */
const intervalMs = 1000;

/** How late the process gets to do what is due: a sleep that takes longer than it should. */
export class EventLoopLag {
  #seconds = 0;

  /** Of the last measurement, at most a second ago, seconds. */
  get seconds(): number {
    return this.#seconds;
  }

  /** Measures until `signal` aborts. */
  async run(clock: Clock, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const started = performance.now();
      await clock.sleep(intervalMs, signal);
      this.#seconds = Math.max(0, performance.now() - started - intervalMs) / 1000;
    }
  }
}
