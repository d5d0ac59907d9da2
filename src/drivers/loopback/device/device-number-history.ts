import type { Logger } from "../../../common/logger.ts";
import { type DeviceNumber, formatDevice } from "../../../linux/device-number.ts";
import type { DriverDevice } from "../../driver.ts";

/**
 * The device numbers that devices were seen with. A container has a device by its number, in its node as in its
 * device cgroup, and goes on having that number when the device is lost and made anew. V4L2 gives a new device the
 * lowest minor that is free (v4l2-dev.c, without CONFIG_VIDEO_FIXED_MINOR_RANGES).
 */
export class DeviceNumberHistory {
  private readonly log: Logger;
  private readonly seen = new Map<string, DeviceNumber>();

  constructor(log: Logger) {
    this.log = log;
  }

  /**
   * The order in which to make devices, so that those that are lost get the numbers they had: by their minors. Those
   * that were never seen come last, in the order they are in.
   */
  inOrder(devices: readonly DriverDevice[]): DriverDevice[] {
    const minor = ({ id }: DriverDevice) => this.seen.get(id)?.minor ?? Number.POSITIVE_INFINITY;
    // Two infinities have no difference.
    return [...devices].sort((a, b) => (minor(a) < minor(b) ? -1 : minor(a) > minor(b) ? 1 : 0));
  }

  /** Takes in a device's number, undefined for none that is known, and warns if it was another one before. */
  see({ id }: DriverDevice, number: DeviceNumber | undefined): void {
    if (number === undefined) return;
    const former = this.seen.get(id);
    this.seen.set(id, number);
    if (former === undefined || formatDevice(former) === formatDevice(number)) return;
    this.log.warn("a device was made anew with another device number", {
      device_id: id,
      device_number: formatDevice(number),
      former_device_number: formatDevice(former),
      detail: `a container that has had ${id} since before has the number ${formatDevice(former)}, and reaches whichever device has that now`,
      remedy: `Delete the pods that were given ${id} before, or keep them from opening it.`,
    });
  }
}
