import { describe, expect, test } from "bun:test";
import { type OperationFacts, refuseOperation } from "./refuse-operation.ts";

const free: OperationFacts = {
  kind: "reset",
  device: { id: "video10", nodes: [{ hostPath: "/dev/video10" }], cleaning: "reset" },
  use: "free",
  open: false,
  pod: undefined,
};
const codeOf = (facts: Partial<OperationFacts>, force = false) =>
  refuseOperation({ ...free, ...facts }, { force })?.code;

describe("an operator's reset or repair", () => {
  test("is done to a free device", () => {
    expect(codeOf({})).toBeUndefined();
    expect(codeOf({ kind: "repair" })).toBeUndefined();
  });

  test("needs force where a pod owns the device, or may own it", () => {
    expect(codeOf({ use: "in_use" })).toBe("device_in_use");
    expect(codeOf({ use: "unknown" })).toBe("use_unknown");
    expect(codeOf({ use: "in_use" }, true)).toBeUndefined();
    expect(codeOf({ use: "unknown", open: undefined }, true)).toBeUndefined();
  });

  test("is refused with the name of the pod, if the kubelet has named one", () => {
    const messageOf = (facts: Partial<OperationFacts>) =>
      refuseOperation({ ...free, use: "in_use", ...facts }, { force: false })?.message;
    const pod = "default/recorder";
    expect(messageOf({ pod })).toBe("The pod default/recorder owns video10.");
    expect(messageOf({})).toBe("video10 was just allocated to a pod.");
    expect(messageOf({ pod, open: true })).toBe(
      "A process holds video10 open, and the pod default/recorder owns it.",
    );
    expect(messageOf({ open: true })).toBe("A process holds video10 open.");
  });

  test("may be a repair, which leaves the device in place, once no process holds it open", () => {
    expect(codeOf({ kind: "repair", use: "unknown" })).toBeUndefined();
    expect(codeOf({ kind: "repair", use: "unknown", open: undefined })).toBe("use_unknown");
  });

  test("never reaches a device that is open, whatever the force", () => {
    expect(codeOf({ open: true }, true)).toBe("device_busy");
    expect(codeOf({ kind: "repair", open: true }, true)).toBe("device_busy");
  });

  test("can't be done where the driver can't", () => {
    expect(codeOf({ device: { ...free.device, cleaning: "unavailable" } }, true)).toBe(
      "not_supported",
    );
  });
});
