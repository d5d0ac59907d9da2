import { describe, expect, test } from "bun:test";
import { LogOnce } from "./log-once.ts";

describe("what is logged once", () => {
  test("is new until it has been logged, for each subject", () => {
    const once = new LogOnce();
    expect(["a", "b", "a", "b"].map((subject) => once.isNew(subject))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test("is new when its text changes, and when it changes back", () => {
    const once = new LogOnce();
    expect(["x", "x", "y", "x"].map((text) => once.isNew("a", text))).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });

  test("is new again when it is forgotten", () => {
    const once = new LogOnce();
    once.isNew("a");
    once.isNew("b");
    expect([once.forget("a"), once.forget("a")]).toEqual([true, false]);
    expect([once.isNew("a"), once.isNew("b")]).toEqual([true, false]);
    expect([once.forget(), once.forget()]).toEqual([true, false]);
    expect([once.isNew("a"), once.isNew("b")]).toEqual([true, true]);
  });

  test("is new again at each reminder", () => {
    let now = 1_000_000;
    const once = new LogOnce({ clock: { now: () => now }, afterMs: 600 });
    const at = (ms: number) => {
      now = 1_000_000 + ms;
      return once.isNew("a");
    };
    expect([0, 599, 600, 1199, 1200].map(at)).toEqual([true, false, true, false, true]);
  });
});
