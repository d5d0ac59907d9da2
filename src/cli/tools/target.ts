import { readlinkSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { PluginError } from "../../common/plugin-error.ts";
import { type DeviceNumber, decodeDevice, formatDevice } from "../../linux/device-number.ts";
import { deviceId, maxDeviceNumber } from "../../v4l2/device-ids.ts";

/** The device a person named. */
export interface Target {
  /** 10 for `video10`; undefined for a node whose device /sys doesn't have (or where there is no /sys). */
  readonly number: number | undefined;
  /** Where its node is. */
  readonly path: string;
  /** The node's numbers; undefined if there is no node. */
  readonly device: DeviceNumber | undefined;
}

export interface TargetPlaces {
  readonly deviceDir: string;
  readonly sysfsDir: string;
}

/**
 * `10`, `video10` or a path. A path's device is told by its numbers, since a container may have it under
 * any name; if nothing is there, by its name.
 * @throws PluginError `device_not_found` for what is none of these.
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
      `${JSON.stringify(text)} is no video device; expected a number from 0 to ${maxDeviceNumber}, a name such as video10, or a path.`,
      { remedy: "See which devices there are: video-device-plugin devices" },
    );
  }
  const device = deviceOf(text);
  const inSysfs = device === undefined ? basename(text) : sysfsName(device, sysfsDir);
  const number = /^video(\d{1,3})$/.exec(inSysfs ?? "")?.[1];
  return { number: number === undefined ? undefined : Number(number), path: text, device };
}

/** The target's number, for what can only be done with one. @throws PluginError `device_not_found`. */
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

/** /sys/dev/char has a link to each device, by its numbers. */
function sysfsName(device: DeviceNumber, sysfsDir: string): string | undefined {
  try {
    return basename(readlinkSync(join(sysfsDir, "dev/char", formatDevice(device))));
  } catch {
    return undefined;
  }
}
