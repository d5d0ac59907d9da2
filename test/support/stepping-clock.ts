import type { Clock } from "../../src/common/clock.ts";

/** A clock on which sleeping takes no time: each sleep advances `now` and yields to other tasks. */
export function steppingClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    sleep: async (ms) => {
      now += ms;
      await new Promise((resolve) => setTimeout(resolve, 0));
    },
  };
}
