import { afterEach, expect, test } from "bun:test";
import { FakeLoopbackKernel } from "../../../test/support/fake-loopback-kernel.ts";
import { systemClock } from "../../common/clock.ts";
import { silentLogger } from "../../common/logger.ts";
import { readOnlyDriver } from "../read-only-driver.ts";
import { LoopbackDriver } from "./loopback-driver.ts";

const kernel = new FakeLoopbackKernel();
afterEach(() => kernel.close());

test("a read-only driver sees what exists, and asks nothing of the kernel", async () => {
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
    new LoopbackDriver({ ...settings, readOnly: true }, { ...deps, kernel }),
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
