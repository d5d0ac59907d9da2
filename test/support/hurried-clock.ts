import { type Clock, systemClock } from "../../src/common/clock.ts";

/** A clock on which each wait takes a `factor`th of its time. */
export function hurriedClock(factor: number): Clock {
  const started = systemClock.now();
  const origin = performance.now();
  return {
    now: () => started + (performance.now() - origin) * factor,
    sleep: (ms, signal) => systemClock.sleep(ms / factor, signal),
  };
}
