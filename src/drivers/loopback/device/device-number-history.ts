import type { Logger } from "../../../common/logger.ts";
import { type DeviceNumber, formatDevice } from "../../../linux/device-number.ts";
import type { DriverDevice } from "../../driver.ts";
import type { SysfsDevice } from "./sysfs.ts";

/**
 * The device numbers that devices were seen with. A container knows a device by its number, in its node as in its
 * device cgroup, and keeps that number when the device is lost and recreated. V4L2 gives a new device the lowest free
 * minor (v4l2-dev.c, without CONFIG_VIDEO_FIXED_MINOR_RANGES).
 */
export class DeviceNumberHistory {
  readonly #log: Logger;
  readonly #seen = new Map<string, DeviceNumber>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /**
   * The order in which to create devices, so that lost ones get the numbers they had: by their minors. Those that were
   * never seen come last, in the order they are in.
   */
  inOrder(devices: readonly DriverDevice[]): DriverDevice[] {
    const minor = ({ id }: DriverDevice) => this.#seen.get(id)?.minor ?? Number.POSITIVE_INFINITY;
    // Two infinities have no difference.
    return [...devices].sort((a, b) => (minor(a) < minor(b) ? -1 : minor(a) > minor(b) ? 1 : 0));
  }

  /** Records a device's number, if v4l2loopback created it, and warns if the number has changed. */
  see(
    { id }: Pick<DriverDevice, "id">,
    found: Pick<SysfsDevice, "loopback" | "device"> | undefined,
  ): void {
    if (!found?.loopback || found.device === undefined) return;
    const number = formatDevice(found.device);
    const former = this.#seen.get(id);
    this.#seen.set(id, found.device);
    if (former === undefined || formatDevice(former) === number) return;
    this.#log.warn("Device recreated with another device number", {
      device_id: id,
      device_number: number,
      former_device_number: formatDevice(former),
      detail: `a container that owns ${id} since before has the number ${formatDevice(former)}, and reaches whichever device has that now`,
      remedy: `Delete the pods that owned ${id} before, or keep them from opening it.`,
    });
  }
}
