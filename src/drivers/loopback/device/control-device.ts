import { join } from "node:path";
import type { Clock } from "../../../common/clock.ts";
import type { Logger } from "../../../common/logger.ts";
import { messageOf, PluginError } from "../../../common/plugin-error.ts";
import { pollUntil } from "../../../common/poll-until.ts";
import { formatDevice } from "../../../linux/device-number.ts";
import { errnoNameOf } from "../../../linux/errno-error.ts";
import { deviceId } from "../../../v4l2/device-ids.ts";
import { openPatience } from "../cleaning/exclusive-access.ts";
import type { LoopbackKernel } from "../kernel.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import { loopbackModule } from "../module/find-module.ts";
import type { DeviceParameters, DeviceRequest } from "../module/parameters.ts";
import { DeviceNodes, type NodePlace, nodePauseMs } from "../node/device-nodes.ts";
import { decodeConfig, encodeConfig, encodeQuery } from "./loopback-config.ts";
import { miscClass, readControlDevice, readSysfsDevice } from "./sysfs.ts";

/**
 * The control ioctls' first numbers (v4l2loopback.h of 0.13). 0.15 has new ones with the struct's size in them, but
 * accepts these as well: they work with every version that has a control device.
 */
const ctlAdd = 0x4c80;
export const ctlRemove = 0x4c81;
const ctlQuery = 0x4c82;

export type ControlSettings = Pick<LoopbackSettings, "deviceDir" | "sysfsDir">;

export interface ControlDeps {
  readonly kernel: LoopbackKernel;
  readonly clock: Clock;
  readonly log: Logger;
}

/** /dev/v4l2loopback, which adds and removes single devices. Since v4l2loopback 0.13.0. */
export class ControlDevice {
  readonly path: string;
  readonly #sysfsDir: string;
  readonly #kernel: LoopbackKernel;
  readonly #clock: Clock;
  readonly #nodes: DeviceNodes;
  readonly #place: NodePlace;
  /** Why its node could not be created at the last try; undefined if it could, or that was not tried. */
  #nodeError: string | undefined;

  constructor({ deviceDir, sysfsDir }: ControlSettings, deps: ControlDeps) {
    this.path = join(deviceDir, loopbackModule);
    this.#sysfsDir = sysfsDir;
    this.#kernel = deps.kernel;
    this.#clock = deps.clock;
    this.#nodes = new DeviceNodes(sysfsDir, deps);
    const own = () => readControlDevice(sysfsDir);
    this.#place = { path: this.path, deviceClass: miscClass, own, fields: {} };
  }

  /** True if this version has it, and its node is here. A node with the number of an earlier load does not count. */
  isPresent(): boolean {
    const node = this.#kernel.lookAt(this.path);
    const own = readControlDevice(this.#sysfsDir);
    if (node.kind !== "character_device" || own === undefined) return false;
    return formatDevice(node.device) === formatDevice(own);
  }

  /** True if it is present and can be opened: a container's device cgroup may forbid that (EPERM). */
  isUsable(): boolean {
    if (!this.isPresent()) return false;
    try {
      this.#kernel.control(this.path, ctlQuery, 0);
    } catch (error) {
      return errnoNameOf(error) === "EINVAL"; // for the pointer is NULL
    }
    return true;
  }

  /** The end of a sentence: why single devices can't be created or removed here. */
  whyNotUsable(): string {
    if (readControlDevice(this.#sysfsDir) === undefined) {
      return "only v4l2loopback 0.13 and later have a control device";
    }
    if (this.isPresent()) return `${this.path} can't be opened (is the container privileged?)`;
    const error =
      this.#nodeError === undefined ? "" : `, and could not be created: ${this.#nodeError}`;
    return `${this.path} is missing, although the module has a control device${error} (is the host's /dev mounted there?)`;
  }

  /**
   * Creates its node if the module has a control device, and no node appears within `patienceMs`: a device directory
   * that is not the host's has none, and a node that was deleted from /dev does not come back.
   */
  async ensureNode(patienceMs: number): Promise<void> {
    this.#nodeError = undefined;
    if (readControlDevice(this.#sysfsDir) === undefined) return;
    const polling = { pauseMs: nodePauseMs, patienceMs };
    if (await pollUntil(() => this.isPresent(), this.#clock, polling)) return;
    try {
      this.#nodes.removeStale(this.#place);
      this.#nodes.create(this.#place);
    } catch (error) {
      const { cause, message } = PluginError.from(error);
      this.#nodeError = cause instanceof Error ? cause.message : message;
    }
  }

  /** Removes its node after the module was unloaded. */
  tryToRemoveStaleNode(): void {
    this.#nodes.tryToRemoveStale(this.#place);
  }

  /** The parameters of a device; undefined if the module does not answer. */
  query(number: number): DeviceParameters | undefined {
    const config = encodeQuery(number);
    try {
      this.#kernel.control(this.path, ctlQuery, config);
    } catch {
      return undefined;
    }
    return decodeConfig(config);
  }

  /**
   * Adds the device of this number, and no other: the kernel uses the next free number where one is taken, and such a
   * device is removed again.
   * @throws PluginError `device_number_taken` or `create_failed`.
   */
  async add(request: DeviceRequest, parameters: DeviceParameters): Promise<void> {
    const { number } = request;
    const created = this.#add(request, parameters);
    if (created === number) return;
    // The number is what matters: that the wrong device could not be removed is only added to the error.
    const leftover = await this.remove(created).then(
      () => "",
      (error: unknown) => ` ${deviceId(created)} was created instead and stays: ${String(error)}`,
    );
    throw new PluginError(
      "device_number_taken",
      `${deviceId(number)} can't be created: ${this.#ownerOf(number)}.${leftover}`,
      { remedy: "Choose device numbers that nothing else uses; see /sys/class/video4linux." },
    );
  }

  /**
   * Removes a device. One that does not exist is a success.
   * @throws PluginError `device_busy` if a process has it open for longer than {@link openPatience}, or `remove_failed`.
   */
  async remove(number: number): Promise<void> {
    let busy: unknown;
    const isGone = () => {
      try {
        // The number itself, not a pointer to it.
        this.#kernel.control(this.path, ctlRemove, number);
      } catch (cause) {
        const errno = errnoNameOf(cause);
        if (errno === "EBUSY") {
          busy = cause;
          return false;
        }
        if (errno !== "ENODEV") throw this.#failed("remove_failed", "removed", number, cause);
      }
      return true;
    };
    if (await pollUntil(isGone, this.#clock, openPatience)) return;
    throw new PluginError(
      "device_busy",
      `${deviceId(number)} can't be removed: a process has it open.`,
      { cause: busy, remedy: `Find the process on the host: fuser -v /dev/${deviceId(number)}` },
    );
  }

  #add(request: DeviceRequest, parameters: DeviceParameters): number {
    const { number } = request;
    try {
      return this.#kernel.control(this.path, ctlAdd, encodeConfig(request, parameters));
    } catch (cause) {
      if (errnoNameOf(cause) !== "EEXIST") {
        throw this.#failed("create_failed", "created", number, cause);
      }
      // The module's own index, which a device keeps even if the kernel gave it another number.
      throw new PluginError(
        "device_number_taken",
        `${deviceId(number)} can't be created: v4l2loopback has a device of that index already, maybe under another number.`,
        { cause, remedy: "Unload v4l2loopback when no device is in use (rmmod v4l2loopback)." },
      );
    }
  }

  #ownerOf(number: number): string {
    const owner = readSysfsDevice(this.#sysfsDir, number);
    if (owner === undefined) return "the kernel used another number, and none above 255 exists";
    const driver = owner.driver === undefined ? "" : ` of the driver ${owner.driver}`;
    return `the number belongs to "${owner.name}"${driver}`;
  }

  #failed(
    code: "create_failed" | "remove_failed",
    done: string,
    number: number,
    cause: unknown,
  ): PluginError {
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
