import { expect, test } from "bun:test";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { RestartTracker } from "./restart-tracker.ts";

function setUp() {
  const clock = new ManualClock();
  const book = new RestartTracker(clock);
  return { clock, book, failure: () => book.check().failure };
}

test("a part that fails now and then works", async () => {
  const { clock, book, failure } = setUp();
  for (let n = 0; n < 20; n++) {
    book.restarted("monitor");
    expect(failure()).toBeUndefined();
    await clock.advance(90_000);
  }
});

test("a part that has failed again and again for five minutes is lost, until it is calm", async () => {
  const { clock, book, failure } = setUp();
  for (let n = 0; n <= 10; n++) {
    book.restarted("monitor");
    if (n < 10) expect(failure()).toBeUndefined();
    await clock.advance(n < 10 ? 30_000 : 1000);
  }
  expect(failure()).toBe("monitor has failed for 5 min");
  await clock.advance(60_000);
  expect(failure()).toBeUndefined();
});

test("a part of one pool that fails now and then is not that of another", async () => {
  const { clock, book, failure } = setUp();
  for (let n = 0; n <= 10; n++) {
    book.restarted("monitor", "webcams");
    if (n % 5 === 0) book.restarted("monitor", "bots");
    await clock.advance(n < 10 ? 30_000 : 1000);
  }
  expect(failure()).toBe("monitor of webcams has failed for 5 min");
});
