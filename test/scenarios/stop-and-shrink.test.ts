import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { chooseNumbers } from "../../src/drivers/loopback/device/choose-numbers.ts";
import { allocatedAtStart, numbersOf } from "../../src/plugin/allocated-at-start.ts";
import { numbersFrom } from "../../src/v4l2/device-ids.ts";
import { FakeLoopbackKernel } from "../support/fake-loopback-kernel.ts";
import type { CameraFiles } from "./camera-files.ts";
import { aWhile, CameraNode, heardOfPods } from "./camera-node.ts";
import { eventually, ownedByPods } from "./harness.ts";

let scenario: CameraNode;
beforeEach(() => {
  scenario = new CameraNode();
});
afterEach(() => scenario.close());

/** Numbers of the devices that pods own, as a plugin with these options learns them when it starts. */
async function heldByPods(options: Partial<Record<string, string>>): Promise<number[]> {
  const { podResourcesSocket, resourceName } = scenario.config(options);
  const { signal } = new AbortController();
  const [ids = []] = await ownedByPods((log) =>
    allocatedAtStart(podResourcesSocket, [resourceName], log, signal),
  );
  return numbersOf(ids);
}

describe("fewer devices than before", () => {
  test("keep an allocated device listed, and make it unhealthy after its pod", async () => {
    const first = await scenario.started(scenario.cameras());
    for (const name of ["a", "b", "c", "d", "e"]) await scenario.pod(name);
    for (const name of ["a", "b", "c", "d"]) scenario.kubelet.removePod(name);
    const options = { "max-devices": "4" };
    const held = await heldByPods(options);
    expect(held).toEqual([14]);
    await first.stop();

    const driver = scenario.camerasOf(numbersFrom(10, 4), held, true);
    const { plugin } = scenario.startPlugin(options, { driver });
    await scenario.counts(5, 5);
    await Bun.sleep(aWhile);
    expect(scenario.kubelet.resources()).toEqual({ capacity: 5, allocatable: 5 });
    scenario.kubelet.removePod("e");
    await scenario.counts(5, 4);
    expect(plugin.inventory.get("video14")).toMatchObject({
      health: "Unhealthy",
      reason: "retired",
    });
    await Bun.sleep(aWhile);
    expect(driver.resets).not.toContain("video14");
    expect(scenario.kubelet.resources()).toEqual({ capacity: 5, allocatable: 4 });
  });
});

describe("fewer devices than before, after a standby", () => {
  const options = { "max-devices": "4" };
  const standby = async (held: readonly number[]) => {
    const driver = scenario.camerasOf(numbersFrom(10, 4), held, true);
    const next = scenario.startPlugin(options, { driver });
    await eventually(() => next.plugin.status().reason === "standby", "the standby");
    return next;
  };
  const fivePods = async () => {
    for (const name of ["a", "b", "c", "d", "e"]) await scenario.pod(name);
  };

  test("end the process if a pod got one of the others meanwhile, and the next one lists it", async () => {
    const first = await scenario.started(scenario.cameras());
    const next = await standby([]);
    const failed = next.failure();
    await fivePods();
    await first.stop();
    expect(await failed).toMatchObject({
      code: "surplus_not_listed",
      message: expect.stringContaining("Pods own video14,"),
    });
    expect(scenario.count("register_received")).toBe(1);
    expect(readdirSync(scenario.dir).filter((name) => name.startsWith(".video"))).toEqual([]);

    const held = await heldByPods(options);
    scenario.startPlugin(options, { driver: scenario.camerasOf(numbersFrom(10, 4), held, true) });
    await scenario.counts(5, 5);
  });

  test("are taken over if the process knew at its start what pods own", async () => {
    const first = await scenario.started(scenario.cameras());
    await fivePods();
    const next = await standby([14]);
    await first.stop();
    await eventually(() => next.plugin.status().registered, "the registration");
    await scenario.counts(5, 5);
  });
});

describe("devices that got other numbers because real cameras have theirs", () => {
  const options = { "number-taken": "elsewhere" };
  let kernel: FakeLoopbackKernel;
  beforeEach(() => {
    kernel = new FakeLoopbackKernel();
    for (const number of [10, 11, 12]) kernel.addForeign(number, "USB Camera");
  });
  afterEach(() => kernel.close());

  const laidOut = (maxDevices: number, allocatedNumbers: readonly number[]) => {
    const { sysfsDir } = kernel;
    const layout = { firstDeviceNumber: 10, maxDevices, allocatedNumbers, sysfsDir };
    const devices = chooseNumbers({ ...layout, numberTaken: "elsewhere" });
    const numbers = (surplus?: true) =>
      devices.filter((device) => device.surplus === surplus).map(({ number }) => number);
    return scenario.camerasOf(numbers(), numbers(true), true);
  };

  test("are all offered", async () => {
    const driver = laidOut(8, []);
    expect(driver.devices.map(({ number }) => number)).toEqual(numbersFrom(13, 8));
    await scenario.started(driver, options);
    await eventually(() => driver.resets.length === 8, "the grace's end");
    await Bun.sleep(aWhile);
    expect(scenario.kubelet.resources()).toEqual({ capacity: 8, allocatable: 8 });
  });

  test("are retired at their numbers when there are fewer than before", async () => {
    const first = await scenario.started(laidOut(8, []), options);
    for (const name of ["a", "b", "c", "d"]) await scenario.pod(name);
    for (const name of ["a", "b"]) scenario.kubelet.removePod(name);
    const held = await heldByPods(options);
    expect(held).toEqual([15, 16]);
    await first.stop();

    const fewer = { ...options, "max-devices": "3" };
    const { plugin } = scenario.startPlugin(fewer, { driver: laidOut(3, held) });
    await scenario.counts(4, 4);
    scenario.kubelet.removePod("c");
    scenario.kubelet.removePod("d");
    await scenario.counts(4, 3);
    await Bun.sleep(aWhile);
    const reasons = plugin.inventory.list().map(({ id, reason }) => `${id} ${reason}`);
    expect(reasons).toEqual(["video13 ok", "video14 ok", "video15 ok", "video16 retired"]);
  });
});

describe("a stop", () => {
  const removing = { "remove-devices-on-exit": "true" };
  const removed = (driver: CameraFiles) =>
    driver.calls.filter((call) => call.startsWith("remove ")).map((call) => call.slice(7));

  test("changes no device by default", async () => {
    const driver = scenario.cameras();
    const plugin = await scenario.started(driver);
    driver.calls.length = 0;
    await plugin.stop();
    expect(driver.calls.filter((call) => !/^(inspect|ensure)/.test(call))).toEqual([]);
  });

  test("with REMOVE_DEVICES_ON_EXIT removes the process's own devices that are free", async () => {
    const driver = scenario.cameras();
    const plugin = scenario.startPlugin(removing, { driver });
    await scenario.kubelet.start();
    await scenario.counts(8, 8);
    await scenario.pod("a");
    driver.open?.add("video13");
    await plugin.stop();
    expect(removed(driver)).toEqual([
      "video11",
      "video12",
      "video14",
      "video15",
      "video16",
      "video17",
    ]);
  });

  test("with REMOVE_DEVICES_ON_EXIT removes them after a reset that takes longer than other stops wait", async () => {
    const driver = scenario.cameras();
    driver.onReset = () => Bun.sleep(800);
    const plugin = await scenario.started(driver, removing);
    await scenario.pod("a");
    await heardOfPods(plugin, 1);
    scenario.kubelet.removePod("a");
    await eventually(() => driver.resets.length > 0, "the reset");
    await plugin.stop();
    expect(removed(driver)).toContain("video17");
  });

  test("removes no device that existed before, and none whose use isn't known", async () => {
    const adopted = scenario.cameras(8, true);
    const first = scenario.startPlugin(removing, { driver: adopted });
    await scenario.kubelet.start();
    await scenario.counts(8, 8);
    await first.stop();
    expect(removed(adopted)).toEqual([]);
    const made = scenario.cameras();
    const second = scenario.startPlugin(removing, { driver: made });
    await scenario.counts(8, 8);
    scenario.kubelet.stop();
    await second.stop();
    expect(removed(made)).toEqual([]);
  });
});
