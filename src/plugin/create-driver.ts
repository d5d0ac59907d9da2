import { systemClock } from "../common/clock.ts";
import type { Config } from "../config/config.ts";
import { linuxCalls } from "../linux/linux-calls.ts";
import type { Logger } from "../observe/logger.ts";
import type { VideoDriver } from "../v4l2/driver.ts";
import { SimulatedDriver } from "../v4l2/simulated/simulated-driver.ts";

/** The driver that the configuration names. */
export function createDriver(config: Config, log: Logger): VideoDriver {
  const { firstDeviceNumber, maxDevices } = config;
  const common = {
    firstDeviceNumber,
    maxDevices,
    mode: config.v4l2DevicePerm,
    group: config.v4l2DeviceGroup,
  };
  const { makeCharDevice } = linuxCalls();
  return new SimulatedDriver(
    { ...common, simulatedDir: config.simulatedDir },
    { log, clock: systemClock, makeCharDevice },
  );
}
