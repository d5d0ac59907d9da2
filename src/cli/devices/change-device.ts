import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { isatty } from "node:tty";
import { systemClock } from "../../common/clock.ts";
import { type LogLevel, silentLogger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { Config } from "../../config/config.ts";
import type { VideoDriver } from "../../drivers/driver.ts";
import {
  ControlDevice,
  deviceParameters,
  linuxKernel,
  loopbackModule,
  readSysfsDevice,
} from "../../drivers/loopback/index.ts";
import { linuxCalls } from "../../linux/linux-calls.ts";
import { createLogger } from "../../observe/log.ts";
import { createDriver } from "../../plugin/create-driver.ts";
import { deviceId, maxDeviceNumber } from "../../v4l2/device-ids.ts";
import type { Terminal } from "../terminal.ts";
import { withHolders } from "../tools/holders.ts";
import { findTarget, numberOf } from "../tools/target.ts";
import { findDeviceUse, refuseInUse } from "./device-use.ts";
import { changeByPlugin, findManaged, refuseManaged } from "./managed-device.ts";

/** What can be done to a device that is there. */
export type Change = "remove" | "reset" | "repair";

const DONE: Readonly<Record<Change, string>> = {
  remove: "was removed",
  reset: "was reset",
  repair: "was repaired",
};

const MADE_ANEW = " The plugin that runs here makes it anew, unless MANAGE_DEVICES is false.";

/**
 * Changes one loopback device, whoever made it. One of the running plugin's is cared for by that plugin; any other
 * through the driver that the plugin has.
 * @throws PluginError `device_not_found`, `device_foreign`, `device_managed`, `device_in_use`, `use_unknown`, of
 * {@link findManaged}, or of the driver.
 */
export async function changeLoopback(
  change: Change,
  name: string,
  force: boolean,
  config: Config,
  terminal: Terminal,
): Promise<void> {
  const target = findTarget(name, config);
  const number = numberOf(target);
  const id = deviceId(number);
  const label = requireLoopback(id, number, config);
  const managed = await findManaged(id, config).catch((error) => {
    if (!force) throw error;
    return undefined;
  });
  if (managed !== undefined && change === "remove" && !force) refuseManaged(managed);
  try {
    if (managed !== undefined && change !== "remove") {
      if (await changeByPlugin(change, managed, force, config)) {
        terminal.out(`${id} ${DONE[change]} by the running plugin.\n`);
        return;
      }
    }
    const driver = driverOf(number, asItIs(number, label, target.path, config), terminal);
    if (!force) {
      refuseInUse(await findDeviceUse(id, target, driver, config, managed?.device));
    }
    await driver[change](id);
  } catch (error) {
    throw withHolders(error, target);
  }
  const more = change === "remove" && managed !== undefined ? MADE_ANEW : "";
  terminal.out(`${id} ("${label}") ${DONE[change]}.${more}\n`);
}

/**
 * Adds a device, of the configured label and kind.
 * @throws PluginError `module_not_loaded`, `device_exists`, or of the driver.
 */
export async function addDevice(
  number: number | undefined,
  config: Config,
  terminal: Terminal,
): Promise<void> {
  if (!existsSync(join(config.sysfsDir, "module", loopbackModule))) {
    throw new PluginError("module_not_loaded", "v4l2loopback is not loaded.", {
      remedy: "Start the plugin, which loads it with its own devices, or: modprobe v4l2loopback",
    });
  }
  const wanted = number ?? firstFree(config);
  const id = deviceId(wanted);
  const owner = readSysfsDevice(config.sysfsDir, wanted);
  if (owner !== undefined) {
    throw new PluginError("device_exists", `${id} is there already: "${owner.name}".`, {
      remedy: "Choose another number, or none, and the first free one is taken.",
    });
  }
  // What it failed for is thrown; what else a driver warns of at a start is the plugin's and the doctor's to tell.
  const { failed } = await driverOf(wanted, config, terminal, "error").ensure();
  const [failure] = failed;
  if (failure !== undefined) throw failure.error;
  const made = readSysfsDevice(config.sysfsDir, wanted);
  terminal.out(`${id} ("${made?.name ?? ""}") was added.\n`);
}

/** From the configured range's begin on. */
function firstFree({ firstDeviceNumber, sysfsDir }: Config): number {
  for (let number = firstDeviceNumber; number <= maxDeviceNumber; number++) {
    if (readSysfsDevice(sysfsDir, number) === undefined) return number;
  }
  throw new PluginError(
    "device_numbers_exhausted",
    `No number from ${firstDeviceNumber} to ${maxDeviceNumber} is free.`,
    { remedy: "Name a lower one: devices add --number N" },
  );
}

/** @returns its label. */
function requireLoopback(id: string, number: number, { sysfsDir }: Config): string {
  const device = readSysfsDevice(sysfsDir, number);
  if (device === undefined) {
    throw new PluginError("device_not_found", `There is no ${id}.`, {
      remedy: "See which devices there are: video-device-plugin devices",
    });
  }
  if (device.loopback) return device.name;
  throw new PluginError(
    "device_foreign",
    `${id} is "${device.name}" of ${device.driver ?? "another driver"}, not of v4l2loopback.`,
    { remedy: "Only loopback devices can be changed: video-device-plugin devices" },
  );
}

/** The configuration that the device has now, so that a device made anew is like the one before. */
function asItIs(number: number, label: string, path: string, config: Config): Config {
  const kernel = linuxKernel(linuxCalls());
  const control = new ControlDevice(config, { kernel, clock: systemClock, log: silentLogger });
  const known = deviceParameters(number, config.sysfsDir, control);
  const node = statSync(path, { throwIfNoEntry: false });
  return {
    ...config,
    v4l2CardLabel: label,
    v4l2ExclusiveCaps: known.exclusiveCaps ?? false,
    v4l2MaxWidth: known.maxWidth ?? config.v4l2MaxWidth,
    v4l2MaxHeight: known.maxHeight ?? config.v4l2MaxHeight,
    v4l2MaxBuffers: known.maxBuffers ?? config.v4l2MaxBuffers,
    v4l2DevicePerm: node === undefined ? config.v4l2DevicePerm : node.mode & 0o7777,
    v4l2DeviceGroup: node === undefined ? config.v4l2DeviceGroup : node.gid,
  };
}

/** The plugin's driver, for one device; what it has to warn of goes to the error output. */
function driverOf(
  number: number,
  config: Config,
  terminal: Terminal,
  level: LogLevel = "warn",
): VideoDriver {
  const log = createLogger({
    level,
    format: "pretty",
    colour: isatty(2),
    write: (text) => terminal.err(text),
  });
  return createDriver(
    {
      ...config,
      driver: "v4l2loopback",
      firstDeviceNumber: number,
      maxDevices: 1,
      numberTaken: "refuse",
    },
    log,
  );
}
