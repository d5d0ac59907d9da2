import { release } from "node:os";
import { systemClock } from "../common/clock.ts";
import type { Config } from "../config/config.ts";
import { linuxCalls } from "../linux/linux-calls.ts";
import type { Logger } from "../observe/logger.ts";
import type { VideoDriver } from "../v4l2/driver.ts";
import { linuxKernel } from "../v4l2/loopback/kernel.ts";
import { LoopbackDriver } from "../v4l2/loopback/loopback-driver.ts";
import { MODPROBE_DIRECTORIES } from "../v4l2/loopback/modprobe-config.ts";
import { SimulatedDriver } from "../v4l2/simulated/simulated-driver.ts";

/** The driver that the configuration names. */
export function createDriver(config: Config, log: Logger): VideoDriver {
  const calls = linuxCalls();
  const common = {
    firstDeviceNumber: config.firstDeviceNumber,
    maxDevices: config.maxDevices,
    mode: config.v4l2DevicePerm,
    group: config.v4l2DeviceGroup,
  };
  if (config.driver === "simulated") {
    return new SimulatedDriver(
      { ...common, simulatedDir: config.simulatedDir },
      { log, clock: systemClock, makeCharDevice: calls.makeCharDevice },
    );
  }
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
      kernelRelease: release(),
    },
    { log, kernel: linuxKernel(calls), clock: systemClock },
  );
}
