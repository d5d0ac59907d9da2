import { release } from "node:os";
import { systemClock } from "../common/clock.ts";
import type { Config } from "../config/config.ts";
import { readInitOnAlloc } from "../linux/init-on-alloc.ts";
import { linuxCalls } from "../linux/linux-calls.ts";
import type { Logger } from "../observe/logger.ts";
import type { VideoDriver } from "../v4l2/driver.ts";
import { linuxKernel } from "../v4l2/loopback/kernel.ts";
import { LoopbackDriver } from "../v4l2/loopback/loopback-driver.ts";
import { MODPROBE_DIRECTORIES } from "../v4l2/loopback/modprobe-config.ts";
import { SimulatedDriver } from "../v4l2/simulated/simulated-driver.ts";

/**
 * The driver that the configuration names.
 * @param extraNumbers Devices beyond those of the configuration, which pods still have.
 */
export function createDriver(
  config: Config,
  log: Logger,
  extraNumbers: readonly number[] = [],
): VideoDriver {
  const calls = linuxCalls();
  const common = {
    firstDeviceNumber: config.firstDeviceNumber,
    maxDevices: config.maxDevices,
    extraNumbers,
    mode: config.v4l2DevicePerm,
    group: config.v4l2DeviceGroup,
  };
  if (config.driver === "simulated") {
    return new SimulatedDriver(
      { ...common, simulatedDir: config.simulatedDir },
      { log, clock: systemClock, makeCharDevice: calls.makeCharDevice },
    );
  }
  const kernelRelease = release();
  return new LoopbackDriver(
    {
      ...common,
      cardLabel: config.v4l2CardLabel,
      nodeName: config.nodeName,
      numberTaken: config.numberTaken,
      exclusiveCaps: config.v4l2ExclusiveCaps,
      maxBuffers: config.v4l2MaxBuffers,
      maxWidth: config.v4l2MaxWidth,
      maxHeight: config.v4l2MaxHeight,
      modprobeDirs: MODPROBE_DIRECTORIES,
      deviceDir: config.deviceDir,
      sysfsDir: config.sysfsDir,
      modulesDir: config.modulesDir,
      kernelRelease,
      initOnAlloc: readInitOnAlloc({ kernelRelease, modulesDir: config.modulesDir }),
    },
    { log, kernel: linuxKernel(calls), clock: systemClock },
  );
}
