import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type MaintenanceFacts, mayMaintain, planMaintenance } from "./maintenance-plan.ts";

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
