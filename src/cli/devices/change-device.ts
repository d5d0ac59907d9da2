import { statSync } from "node:fs";
import { isatty } from "node:tty";
import type { LogLevel } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { Config } from "../../config/config.ts";
import type { VideoDriver } from "../../drivers/driver.ts";
import {
  isModuleLoaded,
  loopbackParameters,
  readSysfsDevice,
} from "../../drivers/loopback/index.ts";
import { createLogger } from "../../observe/log.ts";
import { createDriver } from "../../plugin/create-driver.ts";
import { deviceId, maxDeviceNumber, numbersFrom } from "../../v4l2/device-ids.ts";
import type { Terminal } from "../terminal.ts";
import { withHolders } from "../tools/holders.ts";
import { findTarget, numberOf } from "../tools/target.ts";
import { findDeviceUse, refuseInUse } from "./device-use.ts";
import { changeByPlugin, findManaged, refuseManaged } from "./managed-device.ts";

/** What `devices` can do to a device. */
export type Change = "remove" | "reset" | "repair";

const done: Readonly<Record<Change, string>> = {
  remove: "was removed",
  reset: "was reset",
  repair: "was repaired",
};

/**
 * Changes one loopback device. The running plugin changes its own devices; any other device is changed by a driver
 * like the plugin's.
 *
 * @throws PluginError `device_not_found`, `device_foreign`, `device_managed`, `device_in_use`, `use_unknown`, of
 * {@link findManaged}, or of the driver.
 */
export async function changeDevice(
  change: Change,
  name: string,
  force: boolean,
  config: Config,
  terminal: Terminal,
): Promise<void> {
  const target = findTarget(name, config);
  const number = numberOf(target);
  const id = deviceId(number);
  const label = loopbackLabel(number, config.sysfsDir);
  const managed = await findManaged(id, config).catch((error) => {
    if (!force) throw error;
    return undefined;
  });
  if (managed !== undefined && change === "remove" && !force) refuseManaged(managed);
  try {
    if (managed !== undefined && change !== "remove") {
      const outcome = await changeByPlugin(change, managed, force, config);
      if (outcome !== "impossible") {
        const what = outcome === "changed" ? done[change] : "was found to need no repair";
        terminal.out(`${id} ${what} by the running plugin.\n`);
        return;
      }
    }
    const driver = driverOf(number, likeNow(number, label, target.path, config), terminal);
    if (!force) {
      refuseInUse(await findDeviceUse(id, target, driver, config, managed?.device));
    }
    await driver[change](id);
  } catch (error) {
    throw withHolders(error, target);
  }
  const isRecreated = change === "remove" && managed !== undefined;
  const more = isRecreated
    ? " The running plugin recreates it, unless MANAGE_DEVICES is false."
    : "";
  terminal.out(`${id} ("${label}") ${done[change]}.${more}\n`);
}

/**
 * Adds a device with the configured label, mode, group and size.
 *
 * @throws PluginError `module_not_loaded`, `device_exists`, `device_numbers_exhausted`, or of the driver.
 */
export async function addDevice(
  wanted: number | undefined,
  config: Config,
  terminal: Terminal,
): Promise<void> {
  const number = freeNumber(wanted, config);
  // A failure is thrown. The other warnings of a driver at its start are for the plugin and the doctor.
  const { failed } = await driverOf(number, config, terminal, "error").ensure();
  const [failure] = failed;
  if (failure !== undefined) throw failure.error;
  const label = loopbackLabel(number, config.sysfsDir);
  terminal.out(`${deviceId(number)} ("${label}") was added.\n`);
}

/**
 * Checks that a device can be added under a number; without one, finds the first free number.
 *
 * @throws PluginError `module_not_loaded`, `device_exists`, `device_numbers_exhausted`.
 */
function freeNumber(number: number | undefined, { firstDeviceNumber, sysfsDir }: Config): number {
  if (!isModuleLoaded(sysfsDir)) {
    throw new PluginError("module_not_loaded", "v4l2loopback is not loaded.", {
      remedy: "Start the plugin, which loads it with its own devices, or: modprobe v4l2loopback",
    });
  }
  if (number !== undefined) {
    const owner = readSysfsDevice(sysfsDir, number);
    if (owner === undefined) return number;
    throw new PluginError("device_exists", `${deviceId(number)} exists: "${owner.name}".`, {
      remedy: "Choose another number, or none to get the first free one.",
    });
  }
  const candidates = numbersFrom(firstDeviceNumber, maxDeviceNumber + 1 - firstDeviceNumber);
  const free = candidates.find((one) => readSysfsDevice(sysfsDir, one) === undefined);
  if (free !== undefined) return free;
  throw new PluginError(
    "device_numbers_exhausted",
    `No number from ${firstDeviceNumber} to ${maxDeviceNumber} is free.`,
    { remedy: "Choose a lower one: devices add --number N" },
  );
}

/** The label of a loopback device. @throws PluginError `device_not_found`, `device_foreign`, `sysfs_unreadable`. */
function loopbackLabel(number: number, sysfsDir: string): string {
  const id = deviceId(number);
  const sysfs = readSysfsDevice(sysfsDir, number);
  if (sysfs === undefined) {
    throw new PluginError("device_not_found", `There is no ${id}.`, {
      remedy: "See which devices there are: video-device-plugin devices",
    });
  }
  if (sysfs.loopback) return sysfs.name;
  throw new PluginError(
    "device_foreign",
    `${id} is "${sysfs.name}" of ${sysfs.driver ?? "another driver"}, not of v4l2loopback.`,
    { remedy: "Only loopback devices can be changed: video-device-plugin devices" },
  );
}

/** The configuration with what the device has now, so that a recreated device is like before. */
function likeNow(number: number, label: string, path: string, config: Config): Config {
  const known = loopbackParameters(number, config);
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

/** The plugin's driver, for one device, which may be one of a ready camera's two. Its log goes to the error output. */
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
  const one = { firstDeviceNumber: number, maxDevices: 1, numberTaken: "refuse" } as const;
  const plain = { driver: "v4l2loopback", readyCameras: false } as const;
  return createDriver({ ...config, ...one, ...plain }, log);
}
