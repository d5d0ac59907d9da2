import { describe, expect, test } from "bun:test";
import { throttle } from "./throttle.ts";

describe("a throttled value", () => {
  const limits = { windowMs: 100, fresh: 2 };

  test("is made for each call while calls are rare", () => {
    let now = 0;
    let made = 0;
    const ask = throttle(
      () => ++made,
      limits,
      () => now,
    );
    for (const expected of [1, 2, 3]) {
      expect(ask()).toBe(expected);
      now += 60;
    }
  });

  test("is the last one beyond the limit, until the window ends", () => {
    let now = 0;
    let made = 0;
    const ask = throttle(
      () => ++made,
      limits,
      () => now,
    );
    expect([ask(), ask(), ask(), ask()]).toEqual([1, 2, 2, 2]);
    now = 99;
    expect(ask()).toBe(2);
    now = 100;
    expect(ask()).toBe(3);
  });

  test("counts an error too, and throws it again", () => {
    let tried = 0;
    const ask = throttle(
      () => {
        throw new Error(`try ${++tried}`);
      },
      limits,
      () => 0,
    );
    expect(ask).toThrow("try 1");
    expect(ask).toThrow("try 2");
    expect(ask).toThrow("try 2");
    expect(tried).toBe(2);
  });
});
