import type { Clock } from "./clock.ts";

/** Below this the two clocks differ by their rounding, not because one was set, ms. */
const stepMs = 500;

/**
 * Tells times of the program's clock as the wall clock has them now. That one may have been set since the start, and a
 * machine that slept has lost time on ours. Times stay the same, to the ms, while nobody sets it.
 */
export class WallClock {
  readonly #clock: Pick<Clock, "now">;
  readonly #wall: () => number;
  #ahead = 0;

  /** @param wall ms since the epoch; may go back. */
  constructor(clock: Pick<Clock, "now">, wall: () => number = Date.now) {
    this.#clock = clock;
    this.#wall = wall;
  }

  /** @param ms as `clock.now()` was then. */
  readonly at = (ms: number): number => {
    const ahead = this.#wall() - this.#clock.now();
    if (Math.abs(ahead - this.#ahead) >= stepMs) this.#ahead = ahead;
    return ms + this.#ahead;
  };

  now(): number {
    return this.at(this.#clock.now());
  }
}
