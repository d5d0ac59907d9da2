import { afterEach, expect, test } from "bun:test";
import { FakeLoopbackKernel } from "../../../test/support/fake-loopback-kernel.ts";
import { systemClock } from "../../common/clock.ts";
import { silentLogger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { readOnlyDriver } from "../read-only-driver.ts";
import { LoopbackDriver } from "./loopback-driver.ts";
import { readOnlyKernel } from "./read-only-kernel.ts";

const kernel = new FakeLoopbackKernel();
afterEach(() => kernel.close());

test("a driver on it sees what there is, and asks nothing of the kernel", async () => {
  kernel.preload("devices=0");
  const settings = {
    ...{ firstDeviceNumber: 10, maxDevices: 3, mode: 0o666, group: undefined },
    ...{ cardLabel: "My WebCam", nodeName: "node-7", numberTaken: "refuse" as const },
    ...{ exclusiveCaps: true, maxBuffers: 2, maxWidth: 1920, maxHeight: 1080, initOnAlloc: true },
    modprobeDirs: [],
    deviceDir: kernel.deviceDir,
    sysfsDir: kernel.sysfsDir,
    modulesDir: kernel.modulesDir,
    kernelRelease: kernel.kernelRelease,
  };
  const deps = { log: silentLogger, clock: systemClock };
  await new LoopbackDriver(settings, { ...deps, kernel }).ensure();
  kernel.unplug(12);
  const release = kernel.hold(11);
  const before = kernel.journal.length;
  const writes: string[] = [];
  const write = kernel.writeAttribute.bind(kernel);
  kernel.writeAttribute = (path, text) => {
    writes.push(path);
    write(path, text);
  };

  const driver = readOnlyDriver(
    new LoopbackDriver(settings, { ...deps, kernel: readOnlyKernel(kernel) }),
    { log: silentLogger, access: settings },
  );
  const states = async () => (await driver.inspect()).map(({ reason }) => reason);
  expect(await states()).toEqual(["ok", "ok", "missing"]);
  const report = await driver.ensure();
  expect([report.created, report.adopted]).toEqual([[], ["video10", "video11"]]);
  expect(report.failed.map(({ id }) => id)).toEqual(["video12"]);
  expect(await driver.isOpen("video11")).toBeUndefined();
  kernel.unload();
  expect(await states()).toEqual(["module_gone", "module_gone", "module_gone"]);
  release();

  expect(kernel.journal.slice(before)).toEqual([]);
  expect(writes).toEqual([]);
});

test("it refuses whatever could change something, or open a device", () => {
  const refusing = readOnlyKernel(kernel);
  for (const change of [
    () => refusing.finitModule("a.ko", "", 0),
    () => refusing.initModule(new Uint8Array(), ""),
    () => refusing.deleteModule("v4l2loopback"),
    () => refusing.control("/dev/v4l2loopback", 0x4c82, 10),
    () => refusing.openVideo("/dev/video10"),
    () => refusing.writeAttribute("/sys/x", "0"),
    () => refusing.makeNode("/dev/video10", { major: 81, minor: 0 }),
    () => refusing.removeNode("/dev/video10"),
  ]) {
    let code = "";
    try {
      change();
    } catch (error) {
      code = PluginError.from(error).code;
    }
    expect(code).toBe("not_managed");
  }
});
