import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { observation } from "../../../test/support/fake-driver.ts";
import {
  defaultFlapPolicy,
  flappingUntil,
  type HealthInputs,
  type HealthMemory,
  nextHealth,
  unknownHealth,
} from "./device-status.ts";

const none: HealthInputs = { observation: undefined, ignoresUserTraces: false, holds: new Map() };
const ok: HealthInputs = { ...none, observation: observation("video10", "ok") };
const missing: HealthInputs = {
  ...none,
  observation: observation("video10", "missing", "no /dev/video10"),
};

function after(memory: HealthMemory, steps: readonly (readonly [number, HealthInputs])[]) {
  return steps.reduce((last, [at, seen]) => nextHealth(last, seen, at, defaultFlapPolicy), memory);
}

describe("a device's health", () => {
  test("is Unhealthy and unknown until the first inspection", () => {
    expect(unknownHealth(5)).toMatchObject({ health: "Unhealthy", reason: "unknown", since: 5 });
  });

  test("is Healthy at once after a first good inspection", () => {
    expect(after(unknownHealth(0), [[10, ok]])).toMatchObject({ health: "Healthy", since: 10 });
  });

  test("is lost at once, with the driver's reason and words", () => {
    expect(
      after(unknownHealth(0), [
        [10, ok],
        [20, missing],
      ]),
    ).toMatchObject({
      health: "Unhealthy",
      reason: "missing",
      detail: "no /dev/video10",
      since: 20,
    });
  });

  test("keeps its since-time while nothing changes", () => {
    const record = after(unknownHealth(0), [
      [10, missing],
      [20, missing],
      [30, missing],
    ]);
    expect(record.since).toBe(10);
  });

  test("returns at once while losses are rare", () => {
    const record = after(unknownHealth(0), [
      [0, ok],
      [10, missing],
      [20, ok],
    ]);
    expect(record).toMatchObject({ health: "Healthy", since: 20 });
  });

  test("has to be proven after the third recovery within a minute", () => {
    const flapping = after(unknownHealth(0), [
      [0, ok],
      [1000, missing],
      [2000, ok],
      [3000, missing],
      [4000, ok],
      [5000, missing],
      [6000, ok],
      [7000, missing],
      [8000, ok],
    ]);
    expect(flapping).toMatchObject({ health: "Unhealthy", reason: "flapping" });
    expect(flappingUntil(flapping, defaultFlapPolicy)).toBe(38_000);
    expect(after(flapping, [[37_999, ok]]).health).toBe("Unhealthy");
    expect(after(flapping, [[38_000, ok]]).health).toBe("Healthy");
  });

  test("is at once what it was when a hold ends, however often it was held", () => {
    const held: HealthInputs = { ...ok, holds: new Map([["cordoned", "lens"]]) };
    const steps = [1, 2, 3, 4, 5].flatMap((n) => [
      [n * 100, held] as const,
      [n * 100 + 50, ok] as const,
    ]);
    expect(after(unknownHealth(0), [[0, ok], ...steps])).toMatchObject({
      health: "Healthy",
      recoveries: [],
    });
  });

  test("counts a user's traces as a fault only if they are not ignored", () => {
    const marked: HealthInputs = { ...none, observation: observation("video10", "stuck_writer") };
    const healthy = after(unknownHealth(0), [[0, ok]]);
    expect(after(healthy, [[10, marked]])).toMatchObject({ reason: "stuck_writer", fix: "reset" });
    expect(after(healthy, [[10, { ...marked, ignoresUserTraces: true }]]).health).toBe("Healthy");
  });

  test("remembers since when a device is faulty that recreating it would fix", () => {
    const faulty: HealthInputs = { ...none, observation: observation("video10", "faulty") };
    const memory = after(unknownHealth(0), [
      [10, faulty],
      [20, faulty],
    ]);
    expect(memory.faultySince).toBe(10);
    expect(after(memory, [[30, ok]]).faultySince).toBeUndefined();
  });

  test("has to be proven again when it is lost meanwhile", () => {
    const flapping = after(unknownHealth(0), [
      [0, ok],
      ...[1, 2, 3, 4].flatMap((n) => [[n * 100, missing] as const, [n * 100 + 50, ok] as const]),
      [20_000, missing],
      [21_000, ok],
    ]);
    expect(flappingUntil(flapping, defaultFlapPolicy)).toBe(51_000);
  });

  test("is never Healthy after a bad inspection, whatever came before", () => {
    const step = fc.tuple(fc.integer({ min: 1, max: 20_000 }), fc.constantFrom(ok, missing));
    fc.assert(
      fc.property(fc.array(step, { minLength: 1 }), (steps) => {
        let at = 0;
        let record = unknownHealth(0);
        for (const [gap, seen] of steps) {
          at += gap;
          record = nextHealth(record, seen, at, defaultFlapPolicy);
          if (seen === missing) expect(record.health).toBe("Unhealthy");
          expect(record.since).toBeLessThanOrEqual(at);
        }
      }),
    );
  });

  test("changes at most a few times a minute, however often the device does", () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 200, maxLength: 400 });
    fc.assert(
      fc.property(gaps, (steps) => {
        let at = 0;
        let record = nextHealth(unknownHealth(0), ok, 0, defaultFlapPolicy);
        const returns: number[] = [];
        steps.forEach((gap, index) => {
          at += gap;
          const next = nextHealth(record, index % 2 === 0 ? missing : ok, at, defaultFlapPolicy);
          if (next.health === "Healthy" && record.health !== "Healthy") returns.push(at);
          record = next;
        });
        for (const start of returns) {
          const within = returns.filter((time) => time >= start && time - start < 60_000);
          expect(within.length).toBeLessThanOrEqual(defaultFlapPolicy.toleratedRecoveries + 2);
        }
      }),
      { numRuns: 50 },
    );
  });
});
