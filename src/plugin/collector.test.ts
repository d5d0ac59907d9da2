import { describe, expect, test } from "bun:test";
import { Collector } from "./collector.ts";

function setUp() {
  let collections = 0;
  const collector = new Collector(() => collections++, { quietMs: 50, busyMs: 200 });
  return { collector, collections: () => collections };
}

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
    await Bun.sleep(150);
    expect(collections()).toBe(1);
  });

  test("is collected now and then under work that doesn't end", async () => {
    const { collector, collections } = setUp();
    const end = performance.now() + 700;
    while (performance.now() < end) {
      collector.worked();
      await Bun.sleep(10);
    }
    expect(collections()).toBeGreaterThanOrEqual(2);
    expect(collections()).toBeLessThanOrEqual(4);
  });
});
