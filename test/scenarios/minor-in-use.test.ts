import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Use } from "../../src/gen/videodevice/admin/v1/admin_pb.ts";
import { eventually, type RunningPlugin, Scenario } from "./harness.ts";

let scenario: Scenario;
beforeEach(() => {
  scenario = new Scenario();
});
afterEach(() => scenario.close());

/** The kernel gives each of these devices its number. */
function numbered(numbers: Readonly<Record<string, string>>): void {
  for (const [id, number] of Object.entries(numbers)) {
    writeFileSync(join(scenario.simulatedDir, ".faults", `${id}.numbered`), number);
  }
}

/** A pod of one device. */
function pod(name: string) {
  return scenario.kubelet.addPod({ name, containers: [{ name: "c", devices: 1 }] });
}

function kept(): Record<string, string[]> {
  const { devices } = JSON.parse(readFileSync(join(scenario.stateDir, "pod-numbers.json"), "utf8"));
  return Object.fromEntries(
    devices.map(({ device, numbers }: { device: string; numbers: string[] }) => [device, numbers]),
  );
}

function isKept(id: string, number: string): boolean {
  return existsSync(join(scenario.stateDir, "pod-numbers.json")) && kept()[id]?.join() === number;
}

/** Starts a plugin with three devices and a pod that owns the first one. */
async function withPod(): Promise<RunningPlugin> {
  numbered({ video10: "81:0", video11: "81:1", video12: "81:2" });
  await scenario.kubelet.start();
  const plugin = scenario.startPlugin({ "max-devices": "3" });
  await scenario.counts(3, 3);
  await pod("a");
  expect(scenario.kubelet.allocations()["a"]).toEqual(["video10"]);
  await eventually(() => isKept("video10", "81:0"), "the number in the file");
  return plugin;
}

/** Checks that no pod gets video12 until pod a has ended. */
async function isHeldUntilPodEnds(plugin: RunningPlugin): Promise<void> {
  await scenario.counts(3, 2);
  const statusOf = () => plugin.plugin.actions.status().devices.find(({ id }) => id === "video12");
  const detail =
    "The pod default/a may still have its device number 81:0, which video10 had before.";
  await eventually(() => statusOf()?.detail === detail, "the owner's name");
  expect(statusOf()).toMatchObject({ healthy: false, reason: "minor_in_use", detail });
  expect((await pod("b")).phase).toBe("Running");
  expect(scenario.kubelet.allocations()["b"]).toEqual(["video11"]);
  expect((await pod("c")).phase).toBe("Failed");
  scenario.kubelet.removePod("a");
  await scenario.counts(3, 3);
  await eventually(() => Object.keys(kept()).join() === "video11", "the end of pod a in the file");
}

describe("a device with the number that another device's pod may have", () => {
  test("is not offered until that pod has ended", async () => {
    const plugin = await withPod();
    // Removed and created again, in the other order.
    numbered({ video10: "81:2", video12: "81:0" });
    await isHeldUntilPodEnds(plugin);
  });

  test("is not offered by a plugin that starts after the numbers have changed", async () => {
    const before = await withPod();
    await before.stop();
    expect(kept()).toEqual({ video10: ["81:0"] });
    numbered({ video10: "81:2", video12: "81:0" });
    const plugin = scenario.startPlugin({ "max-devices": "3" });
    await isHeldUntilPodEnds(plugin);
    const first = plugin.log.lines.find(({ msg }) => msg === "Device list sent");
    expect(first?.fields["healthy_device_ids"]).toEqual(["video10", "video11"]);
  });

  test("is not offered by a plugin that no longer has the other device", async () => {
    const before = await withPod();
    await before.stop();
    numbered({ video11: "81:0", video12: "81:0" });
    // Without an answer at the start, the plugin doesn't list the pod's device as its own.
    const plugin = scenario.startPlugin({ "max-devices": "2", "first-device-number": "11" });
    await scenario.counts(2, 0);
    scenario.kubelet.removePod("a");
    await scenario.counts(2, 2);
    expect(plugin.plugin.actions.status().devices.map(({ reason }) => reason)).toEqual([
      "ok",
      "ok",
    ]);
  });

  test("is not offered after plain init containers, which the kubelet never lists, until an operator forces a reset", async () => {
    numbered({ video10: "81:0", video11: "81:1" });
    await scenario.kubelet.start();
    const { plugin } = scenario.startPlugin({ "max-devices": "2" });
    await scenario.counts(2, 2);
    const init = { name: "prepare", devices: 1, init: true };
    for (const name of ["a", "b"]) {
      await scenario.kubelet.addPod({ name, containers: [init, { name: "app" }] });
    }
    numbered({ video10: "81:1", video11: "81:0" });
    await scenario.counts(2, 0);
    for (const name of ["a", "b"]) scenario.kubelet.removePod(name);
    const { devices } = plugin.actions.status();
    expect(devices.map(({ reason }) => reason)).toEqual(["minor_in_use", "minor_in_use"]);
    const isUnknown = () =>
      plugin.actions.status().devices.every(({ use }) => use === Use.UNSPECIFIED);
    await eventually(isUnknown, "the end of the time in which an allocation counts");
    for (const { id, detail } of devices) {
      expect(detail).toEndWith(`release it: video-device-plugin reset --force ${id}.`);
      await plugin.actions.reset(id, { force: true });
    }
    await scenario.counts(2, 2);
    expect((await pod("c")).phase).toBe("Running");
  });
});
