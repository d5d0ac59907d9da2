import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, rmSync, statSync } from "node:fs";
import { bestOf } from "../support/best-of.ts";
import { deviceIds } from "../support/devices.ts";
import { eventually, Scenario } from "./harness.ts";

let scenario: Scenario;
beforeEach(() => {
  scenario = new Scenario();
});
afterEach(() => scenario.close());

describe("a device's health", () => {
  test("follows a device that is lost under a running pod and created again", async () => {
    await scenario.registered();
    await scenario.kubelet.addPod({ name: "a", containers: [{ name: "c", devices: 1 }] });
    const before = scenario.kubelet.pod("a");
    scenario.sicken("video10", "create-fails");
    scenario.remove("video10");
    await scenario.counts(8, 7);
    expect(scenario.kubelet.pod("a")).toEqual(before as NonNullable<typeof before>);
    scenario.heal("video10", "create-fails");
    await scenario.counts(8, 8);
    expect(scenario.kubelet.allocations()).toEqual({ a: ["video10"] });
  });

  test("recovers if only the device node was deleted", async () => {
    await scenario.registered();
    scenario.remove("video14");
    await eventually(() => scenario.count("list_received") === 3, "loss and recovery");
    expect(scenario.kubelet.resources()).toEqual({ capacity: 8, allocatable: 8 });
  });

  test("reaches the kubelet within 100 ms of the node's loss, and within 500 ms of its return", async () => {
    await scenario.registered();
    const healed: number[] = [];
    const ids = deviceIds();
    const lose = async () => {
      const deletedAt = performance.now();
      scenario.remove(ids[healed.length % ids.length] ?? "");
      await scenario.counts(8, 7);
      const lostMs = performance.now() - deletedAt;
      await scenario.counts(8, 8);
      healed.push(performance.now() - deletedAt);
      return lostMs;
    };
    const heal = async () => {
      await lose();
      return Math.min(...healed);
    };
    expect(await bestOf(100, lose)).toBeLessThan(100);
    expect(await bestOf(500, heal)).toBeLessThan(500);
  });

  test("is not reported at each change if it flaps", async () => {
    const { log } = await scenario.registered();
    const flap = async () => {
      scenario.sicken("video10");
      await Bun.sleep(30);
      scenario.heal("video10");
      await Bun.sleep(30);
      return log.lines.some(({ fields }) => fields["reason"] === "flapping");
    };
    await eventually(flap, "the flapping to be noticed");
    for (let n = 0; n < 5; n++) await flap();
    await Bun.sleep(100);
    expect(scenario.kubelet.resources()).toEqual({ capacity: 8, allocatable: 7 });
    // One list at the start, then at most a loss and a recovery for each tolerated recovery, and a last loss.
    expect(scenario.count("list_received")).toBeLessThanOrEqual(1 + 2 * 3 + 1);
  });

  test("of all devices is lost and recovers with the module", async () => {
    const { plugin } = await scenario.registered();
    for (let n = 10; n < 18; n++) scenario.sicken(`video${n}`, "create-fails");
    for (let n = 10; n < 18; n++) rmSync(`${scenario.simulatedDir}/video${n}`);
    await scenario.counts(8, 0);
    expect(plugin.status().registered).toBe(true);
    for (let n = 10; n < 18; n++) scenario.heal(`video${n}`, "create-fails");
    await scenario.counts(8, 8);
  });

  test("is inspected on request, without an event", async () => {
    const { plugin, log } = await scenario.registered();
    plugin.reinspect();
    await eventually(
      () => log.lines.filter(({ msg }) => msg === "Devices set up").length === 2,
      "a second set-up",
    );
    expect(scenario.count("register_received")).toBe(1);
  });

  test("includes the node's mode, which is restored after a change", async () => {
    await scenario.registered();
    const node = `${scenario.simulatedDir}/video12`;
    // As udev changes a new node, some time after its creation.
    chmodSync(node, 0o660);
    await eventually(() => (statSync(node).mode & 0o777) === 0o666, "the mode");
    expect(scenario.kubelet.resources()).toEqual({ capacity: 8, allocatable: 8 });
  });
});
