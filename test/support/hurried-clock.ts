import { type Clock, systemClock } from "../../src/common/clock.ts";

/** A clock on which everything takes a `factor`th of its time: for waits that are as long as they are said to be. */
export function hurriedClock(factor: number): Clock {
  const started = systemClock.now();
  const origin = performance.now();
  return {
    now: () => started + (performance.now() - origin) * factor,
    sleep: (ms, signal) => systemClock.sleep(ms / factor, signal),
  };
}
