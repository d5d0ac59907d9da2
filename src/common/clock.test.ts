import { afterEach, expect, setSystemTime, test } from "bun:test";
import { systemClock } from "./clock.ts";

afterEach(() => {
  setSystemTime();
});

test("the clock is that of the wall, and does not follow when that is set back", () => {
  const before = systemClock.now();
  expect(Math.abs(before - Date.now())).toBeLessThan(1000);
  setSystemTime(new Date(Date.now() - 3_600_000));
  expect(systemClock.now()).toBeGreaterThanOrEqual(before);
});
