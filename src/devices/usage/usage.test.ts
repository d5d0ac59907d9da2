import { describe, expect, test } from "bun:test";
import { deviceUse, type UsageFacts } from "./usage.ts";

const graceMs = 20_000;
const nothing: UsageFacts = {
  listed: undefined,
  absentSince: undefined,
  allocatedAt: undefined,
  listedSince: false,
  refused: false,
  open: undefined,
};
const at = (now: number, facts: Partial<UsageFacts>) =>
  deviceUse({ ...nothing, ...facts }, now, graceMs);

describe("a device", () => {
  test("is unknown before the first answer, even if it is closed", () => {
    expect(at(0, {})).toBe("unknown");
    expect(at(0, { open: false })).toBe("unknown");
  });

  test("is in use while the kubelet lists it", () => {
    expect(at(1_000_000, { listed: true, open: false })).toBe("in_use");
  });

  test("is in use while a process holds it open, whatever the kubelet says", () => {
    expect(at(1_000_000, { listed: false, absentSince: 0, open: true })).toBe("in_use");
  });

  test("is in use for the grace time after its allocation, listed or not", () => {
    expect(at(19_999, { allocatedAt: 0, listed: false, open: false })).toBe("in_use");
    expect(at(20_000, { allocatedAt: 0, listed: false, open: false })).toBe("unknown");
  });

  test("is free when the kubelet has left it out for the grace time", () => {
    expect(at(19_999, { listed: false, absentSince: 0 })).toBe("unknown");
    expect(at(20_000, { listed: false, absentSince: 0 })).toBe("free");
  });

  test("stays unknown if it was never listed after its allocation: an init container may have it", () => {
    const facts = { allocatedAt: 0, listed: false, absentSince: 1000 };
    expect(at(1_000_000, facts)).toBe("unknown");
    expect(at(1_000_000, { ...facts, listedSince: true })).toBe("free");
  });

  test("is free when the last request for it was refused, unless it is in use after all", () => {
    expect(at(1, { refused: true, allocatedAt: 0 })).toBe("free");
    expect(at(1, { refused: true, listed: true })).toBe("in_use");
    expect(at(1, { refused: true, open: true })).toBe("in_use");
  });
});
