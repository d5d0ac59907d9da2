import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type AllocationFacts,
  type MaintenanceFacts,
  mayMaintain,
  planAllocation,
  planMaintenance,
} from "./maintenance-plan.ts";

const dirty: MaintenanceFacts = {
  id: "video10",
  reason: "ok",
  fix: "none",
  cleaning: "reset",
  cleanliness: "dirty",
  use: "free",
  notBefore: 0,
};
const plan = (...devices: Partial<MaintenanceFacts>[]) =>
  planMaintenance(
    devices.map((device) => ({ ...dirty, ...device })),
    1000,
  );

describe("what the plugin does to devices of its own accord", () => {
  test("is a reset of a device that is free and not known to be clean", () => {
    expect(plan({}, { id: "video11", cleanliness: "unknown" })).toEqual([
      { kind: "reset", id: "video10" },
      { kind: "reset", id: "video11" },
    ]);
    expect(plan({ cleanliness: "clean" })).toEqual([]);
  });

  test("is nothing at all to a device that is in use", () => {
    const device = fc.record({
      id: fc.constant("video10"),
      reason: fc.constantFrom("ok", "unclean", "missing"),
      fix: fc.constantFrom("none", "repair", "reset", "recreate"),
      cleaning: fc.constantFrom("reset", "not_needed", "unavailable"),
      cleanliness: fc.constantFrom("unknown", "clean", "dirty"),
      use: fc.constant("in_use"),
      notBefore: fc.integer({ min: 0, max: 2000 }),
    }) as fc.Arbitrary<MaintenanceFacts>;
    fc.assert(
      fc.property(fc.array(device), (devices) => {
        expect(planMaintenance(devices, 1000)).toEqual([]);
      }),
    );
  });

  test("is a repair of dead capabilities, a reset of a stuck writer's mark, clean or not", () => {
    expect(
      plan(
        { reason: "dead_caps", fix: "repair", cleanliness: "clean" },
        { id: "video11", reason: "stuck_writer", fix: "reset" },
      ),
    ).toEqual([
      { kind: "repair", id: "video10" },
      { kind: "reset", id: "video11" },
    ]);
  });

  test("is no reset on a guess", () => {
    expect(
      plan(
        { use: "unknown" },
        { id: "video11", use: "unknown", reason: "stuck_writer", fix: "reset" },
      ),
    ).toEqual([]);
  });

  test("is a repair if no process holds the device open, though the kubelet does not answer", () => {
    expect(plan({ use: "unknown", reason: "dead_caps", fix: "repair" })).toHaveLength(1);
    expect(mayMaintain("repair", "unknown", false)).toBe(true);
    expect(mayMaintain("repair", "unknown", undefined)).toBe(false);
    expect(mayMaintain("repair", "in_use", false)).toBe(false);
  });

  test("comes first to what is unhealthy", () => {
    expect(plan({}, { id: "video11", reason: "unclean" }).map(({ id }) => id)).toEqual([
      "video11",
      "video10",
    ]);
  });

  test("is nothing to a device that is missing, foreign, faulty or retired", () => {
    for (const reason of ["missing", "wrong_driver", "module_gone", "faulty", "retired"] as const) {
      expect(plan({ reason })).toEqual([]);
    }
  });

  test("waits after a failure", () => {
    expect(plan({ notBefore: 1001 })).toEqual([]);
    expect(plan({ notBefore: 1000 })).toHaveLength(1);
  });

  test("is no reset where the driver can't reset", () => {
    expect(
      plan(
        { cleaning: "unavailable" },
        { cleaning: "unavailable", reason: "dead_caps", fix: "repair" },
      ),
    ).toEqual([{ kind: "repair", id: "video10" }]);
  });
});

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

  test("is refused while a process holds it open, whether or not the kubelet answers", () => {
    expect(claim({ open: true })).toBe("refuse");
    expect(claim({ open: true, listed: undefined })).toBe("refuse");
  });

  test("is reset if nothing is known; the driver itself refuses an open device", () => {
    expect(claim({ open: undefined, listed: undefined })).toBe("reset");
  });
});
