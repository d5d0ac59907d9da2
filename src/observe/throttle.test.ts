import { describe, expect, test } from "bun:test";
import { throttle } from "./throttle.ts";

describe("what is throttle", () => {
  const ration = { windowMs: 100, fresh: 2 };

  test("is made anew for whoever asks seldom", () => {
    let now = 0;
    let made = 0;
    const ask = throttle(
      () => ++made,
      ration,
      () => now,
    );
    for (const expected of [1, 2, 3]) {
      expect(ask()).toBe(expected);
      now += 60;
    }
  });

  test("is the last one once the ration is used up, until the window ends", () => {
    let now = 0;
    let made = 0;
    const ask = throttle(
      () => ++made,
      ration,
      () => now,
    );
    expect([ask(), ask(), ask(), ask()]).toEqual([1, 2, 2, 2]);
    now = 99;
    expect(ask()).toBe(2);
    now = 100;
    expect(ask()).toBe(3);
  });

  test("costs its ration when it fails, and fails alike for who comes after", () => {
    let tried = 0;
    const ask = throttle(
      () => {
        throw new Error(`try ${++tried}`);
      },
      ration,
      () => 0,
    );
    expect(ask).toThrow("try 1");
    expect(ask).toThrow("try 2");
    expect(ask).toThrow("try 2");
    expect(tried).toBe(2);
  });
});
