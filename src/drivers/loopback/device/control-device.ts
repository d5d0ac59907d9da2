import { join } from "node:path";
import type { Clock } from "../../../common/clock.ts";
import type { ErrorCode } from "../../../common/error-codes.ts";
import { messageOf, PluginError } from "../../../common/plugin-error.ts";
import { pollUntil } from "../../../common/poll-until.ts";
import { formatDevice } from "../../../linux/device-number.ts";
import { errnoNameOf } from "../../../linux/errno-error.ts";
import { deviceId } from "../../../v4l2/device-ids.ts";
import { BUSY_PATIENCE } from "../cleaning/busy-patience.ts";
import type { LoopbackKernel } from "../kernel.ts";
import { MODULE } from "../module/find-module.ts";
import type { DeviceParameters, DeviceRequest } from "../module/parameters.ts";
import { decodeConfig, encodeConfig, encodeQuery } from "./loopback-config.ts";
import { readControlDevice, readSysfs } from "./sysfs.ts";

/**
 * The control ioctls' first numbers (v4l2loopback.h of 0.13). 0.15 has new ones with the struct's size in
 * them, but takes these as well: they work with every version that has a control device.
 */
const CTL_ADD = 0x4c80;
export const CTL_REMOVE = 0x4c81;
const CTL_QUERY = 0x4c82;

export interface ControlSettings {
  readonly deviceDir: string;
  readonly sysfsDir: string;
}

/** /dev/v4l2loopback, which adds and removes single devices. Since v4l2loopback 0.13.0. */
export class ControlDevice {
  readonly path: string;
  private readonly settings: ControlSettings;
  private readonly kernel: LoopbackKernel;
  private readonly clock: Clock;

  constructor(settings: ControlSettings, kernel: LoopbackKernel, clock: Clock) {
    this.path = join(settings.deviceDir, MODULE);
    this.settings = settings;
    this.kernel = kernel;
    this.clock = clock;
  }

  /** Whether it is there: the version has it, and this process sees it. A node of another load's number is not it. */
  isPresent(): boolean {
    const node = this.kernel.lookAt(this.path);
    const own = readControlDevice(this.settings.sysfsDir);
    if (node.kind !== "character_device" || own === undefined) return false;
    return formatDevice(node.device) === formatDevice(own);
  }

  /** Whether it is there and may be opened: a container's device cgroup can forbid that (EPERM). */
  isUsable(): boolean {
    if (!this.isPresent()) return false;
    try {
      this.kernel.control(this.path, CTL_QUERY, 0);
    } catch (error) {
      return errnoNameOf(error) === "EINVAL"; // for the pointer is NULL
    }
    return true;
  }

  /** What the module says a device of its is like; undefined if it doesn't say. */
  query(number: number): ReturnType<typeof decodeConfig> | undefined {
    const config = encodeQuery(number);
    try {
      this.kernel.control(this.path, CTL_QUERY, config);
    } catch {
      return undefined;
    }
    return decodeConfig(config);
  }

  /**
   * Adds the device of this number, and no other: the kernel takes the next free number where one is
   * taken, and such a device is removed again.
   * @throws PluginError `device_number_taken` or `create_failed`.
   */
  async add(request: DeviceRequest, parameters: DeviceParameters): Promise<void> {
    const { number } = request;
    const got = this.requestDevice(request, parameters);
    if (got === number) return;
    // Whoever is told of the number that's taken needn't know that the wrong one could not be removed.
    const leftover = await this.remove(got).then(
      () => "",
      (error: unknown) => ` ${deviceId(got)} was made instead and stays: ${String(error)}`,
    );
    throw new PluginError(
      "device_number_taken",
      `${deviceId(number)} can't be created: ${this.ownerOf(number)}.${leftover}`,
      { remedy: "Choose device numbers that nothing else uses; see /sys/class/video4linux." },
    );
  }

  /**
   * Removes a device. One that isn't there is fine.
   * @throws PluginError `device_busy` if somebody holds it for {@link BUSY_PATIENCE}, or `remove_failed`.
   */
  async remove(number: number): Promise<void> {
    let held: unknown;
    const isGone = () => {
      try {
        // The number itself, not a pointer to it.
        this.kernel.control(this.path, CTL_REMOVE, number);
      } catch (cause) {
        const errno = errnoNameOf(cause);
        if (errno === "EBUSY") {
          held = cause;
          return false;
        }
        if (errno !== "ENODEV") throw this.failed("remove_failed", "removed", number, cause);
      }
      return true;
    };
    if (await pollUntil(isGone, this.clock, BUSY_PATIENCE)) return;
    throw new PluginError(
      "device_busy",
      `${deviceId(number)} can't be removed: somebody has it open.`,
      { cause: held, remedy: `Find out who on the host: fuser -v /dev/${deviceId(number)}` },
    );
  }

  private requestDevice(request: DeviceRequest, parameters: DeviceParameters): number {
    const { number } = request;
    try {
      return this.kernel.control(this.path, CTL_ADD, encodeConfig(request, parameters));
    } catch (cause) {
      if (errnoNameOf(cause) !== "EEXIST") {
        throw this.failed("create_failed", "created", number, cause);
      }
      // The module's own index, which a device keeps that was given another number by the kernel.
      throw new PluginError(
        "device_number_taken",
        `${deviceId(number)} can't be created: v4l2loopback has a device of that index already, maybe under another number.`,
        { cause, remedy: "Unload v4l2loopback when no device is in use (rmmod v4l2loopback)." },
      );
    }
  }

  private ownerOf(number: number): string {
    const owner = readSysfs(this.settings.sysfsDir, [number]).devices.get(number);
    if (owner === undefined) return "the kernel gave another number, and none above 255 exists";
    const driver = owner.driver === undefined ? "" : ` of the driver ${owner.driver}`;
    return `the number belongs to "${owner.name}"${driver}`;
  }

  private failed(code: ErrorCode, done: string, number: number, cause: unknown): PluginError {
    if (cause instanceof PluginError) return cause;
    const reason = messageOf(cause);
    return new PluginError(
      code,
      `${deviceId(number)} could not be ${done} through ${this.path}: ${reason}.`,
      {
        cause,
        remedy: /EPERM|EACCES/.test(reason)
          ? "Run the container privileged: nothing less may open the control device."
          : "See the kernel's log on the host: dmesg | tail",
      },
    );
  }
}
