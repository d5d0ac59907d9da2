import { expect, test } from "bun:test";
import { systemClock } from "../common/clock.ts";
import { EventLoopLag } from "./event-loop-lag.ts";

test("a process that is kept from its work is seen to be late", async () => {
  const lag = new EventLoopLag();
  const stop = new AbortController();
  const running = lag.run(systemClock, stop.signal);
  expect(lag.seconds).toBe(0);
  await Bun.sleep(900);
  Bun.sleepSync(600);
  await Bun.sleep(50);
  expect(lag.seconds).toBeGreaterThan(0.3);
  stop.abort();
  await running;
});
