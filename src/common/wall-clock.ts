import type { Clock } from "./clock.ts";

/** Milliseconds below which the two clocks differ by rounding, and not because the wall clock was set. */
const stepMs = 500;

/**
 * Converts times of the program's clock to wall clock time. The wall clock may have been set since the start, and the
 * program's clock stops while the machine sleeps. Converted times stay the same, to the ms, until the wall clock is set.
 */
export class WallClock {
  readonly #clock: Pick<Clock, "now">;
  readonly #wall: () => number;
  #ahead = 0;

  /** @param wall Milliseconds since the epoch; may go back. */
  constructor(clock: Pick<Clock, "now">, wall: () => number = Date.now) {
    this.#clock = clock;
    this.#wall = wall;
  }

  /** @param ms what `clock.now()` returned at that time. */
  readonly at = (ms: number): number => {
    const ahead = this.#wall() - this.#clock.now();
    if (Math.abs(ahead - this.#ahead) >= stepMs) this.#ahead = ahead;
    return ms + this.#ahead;
  };

  now(): number {
    return this.at(this.#clock.now());
  }
}
