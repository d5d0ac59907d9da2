import { describe, expect, test } from "bun:test";
import { eventually } from "../../test/support/eventually.ts";
import { Collector } from "./collector.ts";

function setUp() {
  let collections = 0;
  const collector = new Collector(() => collections++, times);
  return { collector, collections: () => collections };
}

const times = { quietMs: 50, busyMs: 200 };

describe("garbage", () => {
  test("is not collected while nothing is done", async () => {
    const { collections } = setUp();
    await Bun.sleep(300);
    expect(collections()).toBe(0);
  });

  test("is collected once after a burst of work", async () => {
    const { collector, collections } = setUp();
    for (let n = 0; n < 100; n++) collector.worked();
    expect(collections()).toBe(0);
    await eventually(() => collections() > 0, "a collection");
    await Bun.sleep(150);
    expect(collections()).toBe(1);
  });

  test("is collected now and then under work that doesn't end", async () => {
    const { collector, collections } = setUp();
    const started = performance.now();
    let last = started;
    // On a busy machine the work does end now and then.
    let rests = 0;
    const work = () => {
      const now = performance.now();
      if (now - last > times.quietMs / 2) rests++;
      last = now;
      collector.worked();
      return collections() > 2;
    };
    await eventually(work, "three collections");
    const busy = Math.floor((performance.now() - started) / times.busyMs);
    expect(collections()).toBeLessThanOrEqual(busy + rests);
  });
});
