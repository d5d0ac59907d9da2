import { dirname } from "node:path";
import type { LogFields, Logger } from "../../../common/logger.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { type DeviceNumber, formatDevice } from "../../../linux/device-number.ts";
import { type DeviceClass, isNumberTaken } from "../device/sysfs.ts";
import type { LoopbackKernel, NodeView } from "../kernel.ts";

/** The pause, in ms, between two looks for a node that is awaited. */
export const NODE_PAUSE_MS = 20;

/** How long, in ms, a node of a device that has been there all along may take: somebody may just be making it. */
export const OLD_NODE_PATIENCE_MS = 60;

/**
 * The number that /sys has for a node's device: `unknown` if that device doesn't tell it, or is another driver's;
 * undefined if there is no such device.
 */
export type OwnNumber = DeviceNumber | "unknown" | undefined;

/** Where a device's node belongs. */
export interface NodePlace {
  readonly path: string;
  readonly deviceClass: DeviceClass;
  /** What /sys says right now. */
  own(): OwnNumber;
  /** For the log, besides the path. */
  readonly fields: LogFields;
}

/**
 * Whether a node is of another device than its own, or of none, and so in its own device's way: devtmpfs makes no
 * node where one is. What /sys doesn't say is no proof: in doubt a node stays.
 *
 * Asks in an order in which no device that comes meanwhile is mistaken: it is in /sys before it has a node.
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

/** Removes and makes nodes where nobody else does: no devtmpfs, no udev, or somebody deleted one. */
export class DeviceNodes {
  private readonly sysfsDir: string;
  private readonly kernel: Pick<LoopbackKernel, "lookAt" | "makeNode" | "removeNode">;
  private readonly log: Logger;

  constructor(
    sysfsDir: string,
    {
      kernel,
      log,
    }: {
      readonly kernel: Pick<LoopbackKernel, "lookAt" | "makeNode" | "removeNode">;
      readonly log: Logger;
    },
  ) {
    this.sysfsDir = sysfsDir;
    this.kernel = kernel;
    this.log = log;
  }

  isAbsent({ path }: NodePlace): boolean {
    return this.kernel.lookAt(path).kind === "absent";
  }

  /** Removes a node that {@link isStale}. @throws PluginError `node_not_changed`. */
  removeStale(place: NodePlace): void {
    const { path, deviceClass, fields } = place;
    const node = this.kernel.lookAt(path);
    const isTaken = (number: DeviceNumber) => isNumberTaken(this.sysfsDir, deviceClass, number);
    if (node.kind !== "character_device" || !isStale(node, place, isTaken)) return;
    this.change(path, "removed", () => this.kernel.removeNode(path));
    this.log.warn("a stale device node was removed", {
      ...fields,
      device_path: path,
      stale_device: formatDevice(node.device),
    });
  }

  /** As {@link removeStale}. A node that can't be removed is in the way of its own device only, and told with that. */
  tryToRemoveStale(place: NodePlace): void {
    try {
      this.removeStale(place);
    } catch (error) {
      this.log.debug("A stale device node stays", PluginError.from(error).fields());
    }
  }

  /** Makes a node that isn't there, if its number is known. @throws PluginError `node_not_changed`. */
  make(place: NodePlace): void {
    const { path, fields } = place;
    const number = place.own();
    if (number === undefined || number === "unknown" || !this.isAbsent(place)) return;
    this.change(path, "made", () => this.kernel.makeNode(path, number));
    this.log.warn("a device node was not there and has been made", {
      ...fields,
      device_path: path,
    });
  }

  private change(path: string, done: "made" | "removed", act: () => void): void {
    try {
      act();
    } catch (cause) {
      const what =
        done === "made" ? `There is no ${path}, and it` : `${path} is of another device, and`;
      throw new PluginError(
        "node_not_changed",
        `${what} could not be ${done}: ${PluginError.from(cause).message}.`,
        {
          cause,
          remedy: `Mount the host's /dev writable at ${dirname(path)}, and run as root with CAP_MKNOD.`,
        },
      );
    }
  }
}
