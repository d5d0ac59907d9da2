import { expect, test } from "bun:test";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { EventLoopLag } from "./event-loop-lag.ts";

test("the longest lag is kept for a minute, the last one until the next measurement", async () => {
  const clock = new ManualClock();
  const lag = new EventLoopLag(clock);
  const stop = new AbortController();
  const running = lag.run(stop.signal);
  const seen = () => ({ now: lag.now, worst: lag.worst });
  expect(seen()).toEqual({ now: 0, worst: 0 });
  await clock.advance(1000);
  expect(seen()).toEqual({ now: 0, worst: 0 });
  await clock.advance(1250);
  expect(seen()).toEqual({ now: 0.25, worst: 0.25 });
  await clock.advance(1000);
  expect(seen()).toEqual({ now: 0, worst: 0.25 });
  for (let second = 0; second < 58; second++) await clock.advance(1000);
  expect(lag.worst).toBe(0.25);
  await clock.advance(1000);
  expect(lag.worst).toBe(0);
  stop.abort();
  await running;
});
