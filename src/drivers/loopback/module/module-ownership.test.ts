import { afterEach, describe, expect, test } from "bun:test";
import {
  type FakeKernelOptions,
  FakeLoopbackKernel,
} from "../../../../test/support/fake-loopback-kernel.ts";
import { recordingLogger } from "../../../../test/support/recording-logger.ts";
import { steppingClock } from "../../../../test/support/stepping-clock.ts";
import { ErrnoError } from "../../../linux/errno-error.ts";
import { LoopbackDriver } from "../loopback-driver.ts";

const kernels: FakeLoopbackKernel[] = [];
afterEach(() => {
  for (const kernel of kernels.splice(0)) kernel.close();
});

function setUp(options: FakeKernelOptions = {}) {
  const kernel = new FakeLoopbackKernel(options);
  kernels.push(kernel);
  const { deviceDir, sysfsDir, modulesDir, kernelRelease } = kernel;
  const log = recordingLogger();
  const driver = new LoopbackDriver(
    {
      ...{ firstDeviceNumber: 10, maxDevices: 2, mode: 0o666, group: undefined },
      ...{ cardLabel: "My WebCam", nodeName: "node-7", numberTaken: "refuse" },
      ...{ exclusiveCaps: true, maxBuffers: 2, maxWidth: 1920, maxHeight: 1080, initOnAlloc: true },
      ...{ deviceDir, sysfsDir, modulesDir, kernelRelease, modprobeDirs: [] },
    },
    { log, kernel, clock: steppingClock() },
  );
  const removeAll = async () => {
    for (const { id } of driver.devices) await driver.remove(id);
  };
  const isLoaded = () => kernel.loaded.has("v4l2loopback");
  return { kernel, driver, log, removeAll, isLoaded };
}

const OLD = { version: "0.12.7" } as const;
const PRELOADED = "devices=2 video_nr=10,11 exclusive_caps=1,1";

describe("the module at the end", () => {
  test("is unloaded when the devices it was loaded for are removed", async () => {
    const { driver, removeAll, isLoaded } = setUp();
    await driver.ensure();
    await removeAll();
    await driver.release();
    expect(isLoaded()).toBe(false);
  });

  test("goes with the devices where single ones can't be removed", async () => {
    const { driver, isLoaded } = setUp(OLD);
    await driver.ensure();
    await driver.release();
    expect(isLoaded()).toBe(false);
    expect((await driver.inspect()).map(({ reason }) => reason)).toEqual([
      "module_gone",
      "module_gone",
    ]);
  });

  test("stays if any device of it is left", async () => {
    const { kernel, driver, log, isLoaded } = setUp();
    await driver.ensure();
    await driver.remove("video10");
    kernel.journal.length = 0;
    await driver.release();
    expect(isLoaded()).toBe(true);
    expect(kernel.journal).toEqual([]);
    expect(log.lines.at(-1)).toMatchObject({
      level: "info",
      fields: { detail: "it still has devices: video11" },
    });
  });

  test.each(["0.12.7", "0.15.4"] as const)("stays if another loaded it (%s)", async (version) => {
    const { kernel, driver, isLoaded } = setUp({ version });
    kernel.preload(PRELOADED);
    await driver.ensure();
    if (version !== "0.12.7") for (const { id } of driver.devices) await driver.remove(id);
    await driver.release();
    expect(isLoaded()).toBe(true);
  });

  test("stays if another loader's parameters won", async () => {
    const { kernel, driver, isLoaded } = setUp(OLD);
    kernel.raceWith = PRELOADED;
    await driver.ensure();
    await driver.release();
    expect(isLoaded()).toBe(true);
  });

  test("stays if a process has a device open", async () => {
    const { kernel, driver, isLoaded } = setUp(OLD);
    await driver.ensure();
    kernel.hold(10);
    await driver.release();
    expect(isLoaded()).toBe(true);
  });

  test("stays without an error if a process opens a device just before the unloading", async () => {
    const { kernel, driver, log, isLoaded } = setUp(OLD);
    await driver.ensure();
    kernel.before = (entry) => {
      if (entry.startsWith("delete")) kernel.hold(10);
    };
    await driver.release();
    expect(isLoaded()).toBe(true);
    expect(log.lines.at(-1)).toMatchObject({
      level: "info",
      msg: "Module v4l2loopback stays loaded",
    });
  });

  test("that may not be unloaded is an error with a remedy", async () => {
    const { kernel, driver } = setUp(OLD);
    await driver.ensure();
    kernel.before = () => {
      throw new ErrnoError(1, "delete_module");
    };
    await expect(driver.release()).rejects.toMatchObject({
      code: "unload_failed",
      remedy: expect.stringContaining("rmmod"),
    });
  });

  test("that is gone by then is no error", async () => {
    const { kernel, driver, log } = setUp(OLD);
    await driver.ensure();
    kernel.unload();
    log.lines.length = 0;
    await driver.release();
    expect(log.lines).toEqual([]);
  });
});
