import { feedNumber } from "../../../v4l2/device-ids.ts";
import { readSysfsDevice, type SysfsDevice } from "../device/sysfs.ts";

/** The two devices of a ready camera. */
export interface ReadyPair {
  readonly camera: SysfsDevice;
  readonly feed: SysfsDevice;
}

/**
 * The ready camera to which a device belongs, as its camera or as its feed; undefined if it is a plain device. It is
 * known by number and label, so that it is found in a container and without the plugin's configuration.
 *
 * @throws PluginError `sysfs_unreadable`.
 */
export function findPair(number: number, sysfsDir: string): ReadyPair | undefined {
  const device = readSysfsDevice(sysfsDir, number);
  const other = readSysfsDevice(sysfsDir, feedNumber(number));
  if (device?.loopback !== true || other?.loopback !== true) return undefined;
  if (hasFeedLabel(device) === hasFeedLabel(other)) return undefined;
  return hasFeedLabel(other) ? { camera: device, feed: other } : { camera: other, feed: device };
}

/** True if the device has the label that the driver gives to feeds. */
export function hasFeedLabel({ name }: Pick<SysfsDevice, "name">): boolean {
  return name.endsWith(" feed");
}
