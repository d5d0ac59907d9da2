import { release } from "node:os";
import { systemClock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import type { Config } from "../config/config.ts";
import type { VideoDriver } from "../drivers/driver.ts";
import {
  LoopbackDriver,
  linuxKernel,
  modprobeDirectories,
  placeholderFrame,
  ReadyDriver,
  type ReadyDriverDeps,
  type ReadySettings,
  type SharedModule,
  WorkerRelay,
} from "../drivers/loopback/index.ts";
import { readOnlyDriver } from "../drivers/read-only-driver.ts";
import { SimulatedDriver } from "../drivers/simulated/index.ts";
import { readInitOnAlloc } from "../linux/kernel-config.ts";
import { linuxCalls } from "../linux/linux-calls.ts";
import { readySettings } from "./ready-settings.ts";

export interface DriverOptions {
  /**
   * Numbers of the devices that pods own. Those that the configuration no longer asks for stay listed until the process
   * ends, so that those pods keep them over a restart of the kubelet. Default: none.
   */
  readonly allocatedNumbers?: readonly number[];
  /** Numbers of the devices of other pools, which no device of this one gets. Default: none. */
  readonly reservedNumbers?: ReadonlySet<number>;
  /** What the loopback drivers of the process share. Default: this is the only one. */
  readonly module?: SharedModule;
  /** False if this process only creates devices, and another one offers them without cleaning. Default: true. */
  readonly cleans?: boolean;
}

/** The driver that the configuration names, read-only if it may not manage devices. */
export function createDriver(
  config: Config,
  log: Logger,
  options: DriverOptions = {},
): VideoDriver {
  const driver = makeDriver(config, log, options);
  const surplus = driver.devices.filter((device) => device.surplus);
  if (surplus.length > 0) {
    log.info("Pods own surplus devices", {
      device_ids: surplus.map(({ id }) => id),
      next: "they stay listed, and no other pod gets them",
    });
  }
  if (config.manageDevices) return driver;
  log.warn("Devices are not reset between pods", {
    detail:
      "MANAGE_DEVICES is false: a pod may find frames and format of the last one in its device, and what breaks stays broken",
    remedy:
      "set MANAGE_DEVICES=true in a privileged container to have devices created, repaired and reset",
  });
  const access = { mode: config.v4l2DevicePerm, group: config.v4l2DeviceGroup };
  return readOnlyDriver(driver, { log, access });
}

function makeDriver(
  config: Config,
  log: Logger,
  { allocatedNumbers = [], reservedNumbers, module, cleans = true }: DriverOptions,
): VideoDriver {
  const calls = linuxCalls();
  const common = {
    firstDeviceNumber: config.firstDeviceNumber,
    maxDevices: config.maxDevices,
    allocatedNumbers,
    mode: config.v4l2DevicePerm,
    group: config.v4l2DeviceGroup,
  };
  if (config.driver === "simulated") {
    return new SimulatedDriver(
      { ...common, simulatedDir: config.simulatedDir, ready: readySettings(config) },
      { log, clock: systemClock, makeCharDevice: calls.makeCharDevice },
    );
  }
  const ready = readySettings(config);
  const kernelRelease = release();
  const driver = new LoopbackDriver(
    {
      ...common,
      pairs: ready !== undefined,
      cardLabel: config.v4l2CardLabel,
      nodeName: config.nodeName,
      numberTaken: config.numberTaken,
      ...(reservedNumbers && { reservedNumbers }),
      exclusiveCaps: config.v4l2ExclusiveCaps,
      maxBuffers: config.v4l2MaxBuffers,
      maxWidth: config.v4l2MaxWidth,
      maxHeight: config.v4l2MaxHeight,
      loadUnsafe: config.v4l2LoadUnsafe,
      modprobeDirs: modprobeDirectories,
      deviceDir: config.deviceDir,
      sysfsDir: config.sysfsDir,
      modulesDir: config.modulesDir,
      kernelRelease,
      initOnAlloc: readInitOnAlloc({ kernelRelease, modulesDir: config.modulesDir }),
      readOnly: !config.manageDevices,
      opensDevices: config.manageDevices && cleans,
    },
    { log, kernel: linuxKernel(calls), clock: systemClock, ...(module && { shared: module }) },
  );
  return ready === undefined ? driver : readyDriver(driver, ready, log);
}

/** @throws PluginError `placeholder_unusable`. */
function readyDriver(singles: LoopbackDriver, settings: ReadySettings, log: Logger): ReadyDriver {
  const placeholder = (id: string, problem: string) => placeholderFrame(settings, { id, problem });
  // A picture that can't be used ends the process at its start.
  placeholder("", "");
  const relay: ReadyDriverDeps["relay"] = (onEvent) => new WorkerRelay(settings, { log, onEvent });
  return new ReadyDriver(singles, settings, { log, clock: systemClock, relay, placeholder });
}
