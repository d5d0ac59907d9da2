import { describe, expect, test } from "bun:test";
import { type AllocationFacts, planAllocation } from "./allocation-guard.ts";

describe("a device that isn't known to be clean, asked for by the kubelet", () => {
  const claim = (facts: Partial<AllocationFacts>) =>
    planAllocation(
      { sinceAllocatedMs: undefined, listedSince: false, listed: false, open: false, ...facts },
      500,
    );

  test("is reset when no pod owns it", () => {
    expect(claim({})).toBe("reset");
    expect(claim({ sinceAllocatedMs: 500 })).toBe("reset");
  });

  test("is kept as it is for an app container that takes it over from its init container", () => {
    expect(claim({ sinceAllocatedMs: 499 })).toBe("keep");
  });

  test("is reset however soon, if the kubelet has listed it in between", () => {
    expect(claim({ sinceAllocatedMs: 100, listedSince: true })).toBe("reset");
  });

  test("is kept as it is for the pod that owns it", () => {
    expect(claim({ listed: true, open: true })).toBe("keep");
  });

  test("is refused however soon while a process holds it open: no container of the pod has started", () => {
    expect(claim({ sinceAllocatedMs: 100, open: true })).toBe("refuse");
    expect(claim({ sinceAllocatedMs: 100, open: undefined })).toBe("keep");
  });

  test("is refused while a process holds it open, whether or not the kubelet answers", () => {
    expect(claim({ open: true })).toBe("refuse");
    expect(claim({ open: true, listed: undefined })).toBe("refuse");
  });

  test("is reset if nothing is known; the driver itself refuses an open device", () => {
    expect(claim({ open: undefined, listed: undefined })).toBe("reset");
  });
});
