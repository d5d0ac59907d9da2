import { expect, test } from "bun:test";
import { ManualClock } from "../../../test/support/manual-clock.ts";
import { EventLoopLag } from "./event-loop-lag.ts";

test("the longest delay of a timer is remembered for a minute", async () => {
  const clock = new ManualClock();
  const lag = new EventLoopLag(clock);
  const stop = new AbortController();
  const running = lag.run(stop.signal);
  expect(lag.seconds()).toBe(0);
  await clock.advance(1000);
  expect(lag.seconds()).toBe(0);
  await clock.advance(1250);
  expect(lag.seconds()).toBe(0.25);
  for (let second = 0; second < 59; second++) await clock.advance(1000);
  expect(lag.seconds()).toBe(0.25);
  await clock.advance(1000);
  expect(lag.seconds()).toBe(0);
  stop.abort();
  await running;
});
