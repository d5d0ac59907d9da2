import { closeSync, openSync, rmSync } from "node:fs";
import { release } from "node:os";
import { systemClock } from "../../src/common/clock.ts";
import { silentLogger } from "../../src/common/logger.ts";
import { ctlRemove } from "../../src/drivers/loopback/device/control-device.ts";
import { linuxKernel } from "../../src/drivers/loopback/kernel.ts";
import { LoopbackDriver } from "../../src/drivers/loopback/loopback-driver.ts";
import { errnoNameOf } from "../../src/linux/errno-error.ts";
import { linuxCalls, O_NONBLOCK } from "../../src/linux/linux-calls.ts";
import { runCheck } from "../kernel/guest-result.ts";
import { countOpens } from "../support/open-watch.ts";
import { type DriverHarness, driverContract } from "./driver-contract.ts";

const calls = linuxCalls();
const kernel = linuxKernel(calls);
const CONTROL = "/dev/v4l2loopback";
const MODE = 0o640;

function unload(): void {
  try {
    calls.deleteModule("v4l2loopback", O_NONBLOCK);
  } catch (error) {
    if (errnoNameOf(error) !== "ENOENT") throw error;
  }
}

function makeHarness(maxDevices: number): DriverHarness {
  unload();
  const driver = new LoopbackDriver(
    {
      ...{ firstDeviceNumber: 10, maxDevices, mode: MODE, group: 44 },
      ...{ cardLabel: "Default WebCam", nodeName: "node-7", numberTaken: "refuse" },
      ...{ exclusiveCaps: true, maxBuffers: 2, maxWidth: 1920, maxHeight: 1080 },
      modprobeDirs: [],
      ...{ deviceDir: "/dev", sysfsDir: "/sys", modulesDir: "/lib/modules" },
      kernelRelease: release(),
    },
    { log: silentLogger, kernel, clock: systemClock },
  );
  const nodePath = (id: string) => `/dev/${id}`;
  return {
    driver,
    mode: MODE,
    nodePath,
    get deletesNodesOnly() {
      return !driver.describe().dynamic;
    },
    deleteDevice: async (id) => {
      const number = Number(id.replace("video", ""));
      if (driver.describe().dynamic) kernel.control(CONTROL, ctlRemove, number);
      else rmSync(nodePath(id));
    },
    breakDevice: async (id) => {
      rmSync(nodePath(id));
      kernel.makeNode(nodePath(id), { major: 1, minor: 3 });
      return "wrong_driver";
    },
    holdDevice: async (id) => {
      const fd = openSync(nodePath(id), "r+");
      return () => closeSync(fd);
    },
    countOpens: (run) =>
      countOpens(
        driver.devices.map(({ id }) => nodePath(id)),
        run,
      ),
    close: async () => {
      // devtmpfs removes only nodes it made.
      unload();
      for (const { id } of driver.devices) rmSync(nodePath(id), { force: true });
    },
  };
}

/**
 * The drivers' contract against the real module, as a program (../kernel/guest.ts) in a virtual machine that has
 * /lib/modules and nothing to lose: `contract DEVICES`. Prints a line of JSON a check, and ends with 1 if one failed.
 */
export async function main([devices]: readonly string[]) {
  let failed = false;
  for (const check of driverContract) {
    const result = await runCheck(check.name, async () => {
      const harness = makeHarness(Number(devices));
      try {
        await check.run(harness);
      } finally {
        await harness.close();
      }
    });
    failed ||= result.error !== undefined;
    console.log(JSON.stringify(result));
  }
  return failed ? 1 : 0;
}
