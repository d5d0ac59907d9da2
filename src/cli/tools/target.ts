import { readlinkSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { PluginError } from "../../common/plugin-error.ts";
import { type DeviceNumber, decodeDevice, formatDevice } from "../../linux/device-number.ts";
import { deviceId, maxDeviceNumber } from "../../v4l2/device-ids.ts";

/** A device as the user named it. */
export interface Target {
  /** 10 for `video10`; undefined for a node whose device /sys doesn't have. */
  readonly number: number | undefined;
  /** Path of the node. */
  readonly path: string;
  /** The node's device number; undefined if there is no node. */
  readonly device: DeviceNumber | undefined;
}

export interface TargetPlaces {
  readonly deviceDir: string;
  readonly sysfsDir: string;
}

/**
 * Finds the device of `10`, `video10` or a path. A path's device is known by its device number, since a container may
 * have it under any name; without a node, by the name.
 *
 * @throws PluginError `device_not_found` for any other text.
 */
export function findTarget(text: string, { deviceDir, sysfsDir }: TargetPlaces): Target {
  const named = /^(?:video)?(\d{1,3})$/.exec(text)?.[1];
  if (named !== undefined && Number(named) <= maxDeviceNumber) {
    const path = join(deviceDir, deviceId(Number(named)));
    return { number: Number(named), path, device: deviceOf(path) };
  }
  if (!text.includes("/")) {
    throw new PluginError(
      "device_not_found",
      `${JSON.stringify(text)} is no video device, expected a number from 0 to ${maxDeviceNumber}, a name such as video10, or a path.`,
      { remedy: "See which devices there are: video-device-plugin devices" },
    );
  }
  const device = deviceOf(text);
  const inSysfs = device === undefined ? basename(text) : sysfsName(device, sysfsDir);
  const number = /^video(\d{1,3})$/.exec(inSysfs ?? "")?.[1];
  return { number: number === undefined ? undefined : Number(number), path: text, device };
}

/** The target's number. @throws PluginError `device_not_found` if it has none. */
export function numberOf({ number, path }: Target): number {
  if (number !== undefined) return number;
  throw new PluginError("device_not_found", `${path} is no video device.`, {
    remedy: "See which devices there are: video-device-plugin devices",
  });
}

function deviceOf(path: string): DeviceNumber | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isCharacterDevice() ? decodeDevice(stat.rdev) : undefined;
}

/** The name of a device in /sys: /sys/dev/char has a link for each device number. */
function sysfsName(device: DeviceNumber, sysfsDir: string): string | undefined {
  try {
    return basename(readlinkSync(join(sysfsDir, "dev/char", formatDevice(device))));
  } catch {
    return undefined;
  }
}
