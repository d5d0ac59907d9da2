import { afterEach, describe, expect, test } from "bun:test";
import {
  type FakeKernelOptions,
  FakeLoopbackKernel,
} from "../../../../test/support/fake-loopback-kernel.ts";
import { recordingLogger } from "../../../../test/support/recording-logger.ts";
import { steppingClock } from "../../../../test/support/stepping-clock.ts";
import { LoopbackDriver } from "../loopback-driver.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import { SharedModule } from "./shared-module.ts";

const kernels: FakeLoopbackKernel[] = [];
afterEach(() => {
  for (const kernel of kernels.splice(0)) kernel.close();
});

/** Two drivers of one process: video10 and video11, and video20 for any writer with larger frames. */
function setUp(options: FakeKernelOptions, more: Partial<LoopbackSettings> = {}) {
  const kernel = new FakeLoopbackKernel(options);
  kernels.push(kernel);
  const { deviceDir, sysfsDir, modulesDir, kernelRelease } = kernel;
  const log = recordingLogger();
  const shared = new SharedModule();
  const driver = (own: Partial<LoopbackSettings>) =>
    new LoopbackDriver(
      {
        ...{ firstDeviceNumber: 10, maxDevices: 2, mode: 0o666, group: undefined },
        ...{ cardLabel: "My WebCam", nodeName: "node-7", numberTaken: "refuse" as const },
        ...{ exclusiveCaps: true, maxBuffers: 2, maxWidth: 1920, maxHeight: 1080 },
        ...{ initOnAlloc: true, deviceDir, sysfsDir, modulesDir, kernelRelease, modprobeDirs: [] },
        ...own,
      },
      { log, kernel, shared, clock: steppingClock() },
    );
  const first = driver({});
  const second = driver({
    ...{ firstDeviceNumber: 20, maxDevices: 1, cardLabel: "Wide", exclusiveCaps: false },
    ...{ maxWidth: 3840, maxHeight: 2160, ...more },
  });
  const loads = () => kernel.journal.filter((entry) => entry.includes("finit v4l2loopback"));
  const isLoaded = () => kernel.loaded.has("v4l2loopback");
  return { kernel, first, second, log, loads, isLoaded };
}

const reasons = async (driver: LoopbackDriver) =>
  (await driver.inspect()).map(({ reason }) => reason);

describe("two drivers on a module without a control device", () => {
  const old = { version: "0.12.7" } as const;

  test("have all devices from one load, whichever comes first", async () => {
    for (const order of [0, 1]) {
      const { first, second, loads, log } = setUp(old);
      const [one, other] = order === 0 ? [first, second] : [second, first];
      const reports = [await one.ensure(), await other.ensure()];
      // The first load finds out whether there is a control device.
      expect(loads()).toHaveLength(2);
      const created = reports.flatMap((report) => report.created);
      expect(created.toSorted()).toEqual(["video10", "video11", "video20"]);
      expect([await reasons(first), await reasons(second)]).toEqual([["ok", "ok"], ["ok"]]);
      const params = log.lines
        .filter(({ msg }) => msg === "Module v4l2loopback loaded")
        .map(({ fields }) => String(fields["module_params"]))
        .at(-1);
      for (const part of [
        "devices=3 video_nr=10,11,20 exclusive_caps=1,1,0",
        "max_width=3840 max_height=2160",
      ]) {
        expect(params).toContain(part);
      }
    }
  });

  test("make them once when both begin at the same time", async () => {
    const { first, second, loads } = setUp(old);
    await Promise.all([first.ensure(), second.ensure()]);
    expect(loads()).toHaveLength(2);
    expect([await reasons(first), await reasons(second)]).toEqual([["ok", "ok"], ["ok"]]);
  });

  test("report a device as created once", async () => {
    const { first, second } = setUp(old);
    await first.ensure();
    expect((await second.ensure()).created).toEqual(["video20"]);
    expect((await second.ensure()).created).toEqual([]);
  });

  test("refuse more than 8 devices together", async () => {
    const { first, second } = setUp(old, { maxDevices: 7 });
    for (const driver of [first, second]) {
      const error = await driver.ensure().catch((reason: Error) => reason);
      expect(error).toMatchObject({ code: "too_many_devices" });
      expect(String(error)).toContain("9 devices of all pools together");
    }
  });

  test("unload it only when neither needs it any more", async () => {
    const { first, second, isLoaded } = setUp(old);
    // The second one loads it.
    await second.ensure();
    await first.ensure();
    await second.release();
    expect(isLoaded()).toBe(true);
    expect(await reasons(second)).toEqual(["ok"]);
    await first.release();
    expect(isLoaded()).toBe(false);
  });
});

describe("two drivers on a module with a control device", () => {
  test("add the devices of each, and load it once", async () => {
    const { first, second, loads } = setUp({ version: "0.15.4" });
    const reports = await Promise.all([first.ensure(), second.ensure()]);
    expect(reports.map(({ created }) => created)).toEqual([["video10", "video11"], ["video20"]]);
    expect(loads()).toHaveLength(1);
  });

  test("don't take each other's device number while they reset", async () => {
    const { kernel, first, second } = setUp({ version: "0.15.4" });
    await first.ensure();
    await second.ensure();
    const numbersOf = async (driver: LoopbackDriver) =>
      (await driver.inspect()).map(({ deviceNumber }) => deviceNumber);
    const before = [await numbersOf(first), await numbersOf(second)];
    await Promise.all([second.reset("video20"), first.reset("video10"), first.reset("video11")]);
    expect([await numbersOf(first), await numbersOf(second)]).toEqual(before);
    const changes = kernel.journal.filter((entry) => /^(add|remove) /.test(entry)).slice(3);
    expect(changes).toEqual([
      ...["remove 20", "add 20", "remove 10", "add 10", "remove 11", "add 11"],
    ]);
  });

  test("unload it when the devices of both are removed", async () => {
    const { first, second, isLoaded, log } = setUp({ version: "0.15.4" });
    await first.ensure();
    await second.ensure();
    await second.remove("video20");
    await second.release();
    expect(isLoaded()).toBe(true);
    for (const { id } of first.devices) await first.remove(id);
    await first.release();
    expect(isLoaded()).toBe(false);
    expect(log.lines.map(({ msg }) => msg)).not.toContain("Module v4l2loopback stays loaded");
  });
});

test("a driver skips the numbers of another one", () => {
  const { second } = setUp({}, { maxDevices: 3, reservedNumbers: new Set([21]) });
  expect(second.devices.map(({ number }) => number)).toEqual([20, 22, 23]);
});
