import { describe, expect, test } from "bun:test";
import { type HeldFacts, planHeld } from "./held-devices.ts";

describe("a look at a device", () => {
  const plan = (facts: Partial<HeldFacts>) =>
    planHeld(
      { ...{ listed: false, open: true, use: "free", openMs: 20_000, canReset: true }, ...facts },
      20_000,
    );

  test("holds it when a process of no pod has had it open for the grace time", () => {
    expect(plan({})).toBe("hold");
    expect(plan({ openMs: 19_999 })).toBe("keep");
  });

  test("does not hold it while a pod may own it", () => {
    expect(plan({ use: "unknown" })).toBe("keep");
    expect(plan({ use: "in_use" })).toBe("keep");
  });

  test("releases it when it is closed, or a pod owns it", () => {
    expect(plan({ open: false })).toBe("release");
    expect(plan({ listed: true })).toBe("release");
  });

  test("leaves it to a reset where opens can't be seen, unless it can't be reset", () => {
    expect(plan({ open: undefined })).toBe("keep");
    expect(plan({ open: undefined, canReset: false })).toBe("release");
  });
});
