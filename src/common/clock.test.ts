import { afterEach, expect, setSystemTime, test } from "bun:test";
import { aborted, systemClock } from "./clock.ts";

afterEach(() => {
  setSystemTime();
});

test("the clock starts with the wall clock, and does not follow when it is set back", () => {
  const before = systemClock.now();
  expect(Math.abs(before - Date.now())).toBeLessThan(1000);
  setSystemTime(new Date(Date.now() - 3_600_000));
  expect(systemClock.now()).toBeGreaterThanOrEqual(before);
});

test("aborted() waits for an abort, and not for one in the past", async () => {
  const stop = new AbortController();
  let seen = false;
  const waiting = aborted(stop.signal).then(() => {
    seen = true;
  });
  await Bun.sleep(1);
  expect(seen).toBe(false);
  stop.abort();
  await waiting;
  await aborted(stop.signal);
});
