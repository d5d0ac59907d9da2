import { dirname } from "node:path";
import type { LogFields, Logger } from "../../../common/logger.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { type DeviceNumber, formatDevice } from "../../../linux/device-number.ts";
import { type DeviceClass, isNumberTaken } from "../device/sysfs.ts";
import type { LoopbackKernel, NodeView } from "../kernel.ts";

/** Milliseconds between two looks for a node that should appear. */
export const nodePauseMs = 20;

/** Milliseconds to wait for the node of a device that is not new: it may just be being created. */
export const oldNodePatienceMs = 60;

/**
 * The number that /sys has for a node's device: `unknown` if that device does not show it, or is another driver's;
 * undefined if there is no such device.
 */
export type OwnNumber = DeviceNumber | "unknown" | undefined;

/** Where a device's node belongs. */
export interface NodePlace {
  readonly path: string;
  readonly deviceClass: DeviceClass;
  /** What /sys says right now. */
  own(): OwnNumber;
  /** For the log, beside the path. */
  readonly fields: LogFields;
}

/**
 * True if a node belongs to another device than its own, or to none, and so blocks its own device's: devtmpfs creates
 * no node where one is. What /sys does not say is no proof: in doubt a node stays.
 *
 * The order of questions keeps a device that appears meanwhile safe: it is in /sys before it has a node.
 */
export function isStale(
  node: NodeView,
  { deviceClass, own }: Pick<NodePlace, "deviceClass" | "own">,
  isTaken: (number: DeviceNumber) => boolean | undefined,
): boolean {
  if (node.kind !== "character_device" || node.device.major !== deviceClass.major) return false;
  const number = own();
  if (number === "unknown") return false;
  if (number !== undefined) return formatDevice(number) !== formatDevice(node.device);
  return isTaken(node.device) === false;
}

export interface DeviceNodesDeps {
  readonly kernel: Pick<LoopbackKernel, "lookAt" | "makeNode" | "removeNode">;
  readonly log: Logger;
}

/** Creates and removes nodes where neither devtmpfs nor udev does: in another directory, or after a deletion. */
export class DeviceNodes {
  readonly #sysfsDir: string;
  readonly #kernel: DeviceNodesDeps["kernel"];
  readonly #log: Logger;

  constructor(sysfsDir: string, { kernel, log }: DeviceNodesDeps) {
    this.#sysfsDir = sysfsDir;
    this.#kernel = kernel;
    this.#log = log;
  }

  isAbsent({ path }: NodePlace): boolean {
    return this.#kernel.lookAt(path).kind === "absent";
  }

  /** Removes a node that {@link isStale}. @throws PluginError `node_not_changed`. */
  removeStale(place: NodePlace): void {
    const { path, deviceClass, fields } = place;
    const node = this.#kernel.lookAt(path);
    const isTaken = (number: DeviceNumber) => isNumberTaken(this.#sysfsDir, deviceClass, number);
    if (node.kind !== "character_device" || !isStale(node, place, isTaken)) return;
    try {
      this.#kernel.removeNode(path);
    } catch (cause) {
      throw notChanged(path, `${path} belongs to another device, and could not be removed`, cause);
    }
    const stale = formatDevice(node.device);
    this.#log.warn("Stale device node removed", {
      ...fields,
      device_path: path,
      stale_device: stale,
    });
  }

  /** As {@link removeStale}; a node that can't be removed is reported when its own device is created. */
  tryToRemoveStale(place: NodePlace): void {
    try {
      this.removeStale(place);
    } catch (error) {
      this.#log.debug("Stale device node not removed", PluginError.from(error).fields());
    }
  }

  /** Creates a node that is missing, if its number is known. @throws PluginError `node_not_changed`. */
  create(place: NodePlace): void {
    const { path, fields } = place;
    const number = place.own();
    if (number === undefined || number === "unknown" || !this.isAbsent(place)) return;
    try {
      this.#kernel.makeNode(path, number);
    } catch (cause) {
      throw notChanged(path, `There is no ${path}, and it could not be created`, cause);
    }
    this.#log.warn("Missing device node created", { ...fields, device_path: path });
  }
}

function notChanged(path: string, what: string, cause: unknown): PluginError {
  return new PluginError("node_not_changed", `${what}: ${PluginError.from(cause).message}.`, {
    cause,
    remedy: `Mount the host's /dev writable at ${dirname(path)}, and run as root with CAP_MKNOD.`,
  });
}
