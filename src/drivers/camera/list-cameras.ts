import { join } from "node:path";
import { readSmallFile } from "../../common/files.ts";
import { deviceId } from "../../v4l2/device-ids.ts";
import { classify, type DeviceKind, guessKind } from "../../v4l2/device-kind.ts";
import type { RememberedDevice } from "../../v4l2/identify.ts";
import { type PhysicalDevice, physicalDevices } from "../../v4l2/physical-device.ts";
import { readVideoNodes, type VideoNode } from "../../v4l2/video-node.ts";
import type { CameraPlaces } from "./camera-settings.ts";
import type { NodeAnswer } from "./questions.ts";

/** A node of a device, and what it is. */
export interface CameraNode extends VideoNode {
  /** Path of the device node. */
  readonly path: string;
  /** Undefined if it is neither known nor can be guessed. */
  readonly kind: DeviceKind | undefined;
  /** True if the node was not asked, and `kind` is that of {@link guessKind}. */
  readonly isGuess: boolean;
  /** The device's own name; that of /sys if the node was not asked. */
  readonly card: string;
  /** The device's own word for where it is (`bus_info`); undefined if the node was not asked. */
  readonly busInfo: string | undefined;
  /**
   * - `ok`: it has answered.
   * - `open`: a process holds it open, so it was not asked.
   * - `unasked`: the caller may not ask, or could not.
   * - `refused`: the kernel did not let it be opened; `errno` says why.
   * - `stuck`: it did not answer in time.
   */
  readonly state: "ok" | "open" | "unasked" | "refused" | "stuck";
  /** Set if it was refused: `ENODEV`. */
  readonly errno: string | undefined;
}

/** What {@link listCameras} needs to ask nodes, instead of guessing what they are. */
export interface Asking {
  /** True if a process holds the node open: such a one is left alone. */
  isOpen(node: VideoNode): boolean;
  /** Asks these nodes, all free, in a process that may hang (`askNodes`). */
  query(paths: readonly string[]): Promise<ReadonlyMap<string, NodeAnswer<"capabilities">>>;
}

/**
 * Lists the devices of this node that have hardware behind them, with all of their nodes, in the order of their first
 * numbers. Without `asking` it opens nothing.
 *
 * @param remembered Devices that have a name already, see `cameraMemoryFile`. Default: none.
 */
export async function listCameras(
  { deviceDir, sysfsDir }: Pick<CameraPlaces, "deviceDir" | "sysfsDir">,
  asking?: Asking,
  remembered: readonly RememberedDevice[] = [],
): Promise<PhysicalDevice<CameraNode>[]> {
  const nodes = readVideoNodes(sysfsDir)
    .filter(({ parent }) => parent !== undefined)
    .map((node) => ({ ...node, path: join(deviceDir, deviceId(node.number)) }));
  const open = new Set(
    nodes.filter(
      (node) => isOpenInKernel(sysfsDir, node) === true || asking?.isOpen(node) === true,
    ),
  );
  const free = nodes.filter((node) => !open.has(node)).map(({ path }) => path);
  const answers = free.length === 0 ? undefined : await asking?.query(free);
  return physicalDevices(
    nodes.map((node): CameraNode => {
      return describeNode(node, answers?.get(node.path), open.has(node));
    }),
    remembered,
  );
}

/** A node, with what is known of it. */
export function describeNode<N extends VideoNode & { readonly path: string }>(
  node: N,
  answer: NodeAnswer<"capabilities"> | undefined,
  isOpen: boolean,
): N & CameraNode {
  const capabilities = answer?.state === "answered" ? answer.capabilities : undefined;
  const unanswered = isOpen ? "open" : (answer?.state ?? "unasked");
  return {
    ...node,
    kind: capabilities ? classify(capabilities.deviceCaps) : guessKind(node.driver, node.index),
    isGuess: capabilities === undefined,
    card: capabilities?.card ?? node.name,
    busInfo: capabilities?.busInfo,
    state: capabilities !== undefined || unanswered === "answered" ? "ok" : unanswered,
    errno: answer?.state === "refused" ? answer.errno : undefined,
  };
}

/**
 * True if the kernel counts a process that holds the capture node of a USB camera open, as it does up to Linux 6.15 with
 * CONFIG_PM_ADVANCED_DEBUG, in whatever PID namespace that process is. Undefined where it doesn't.
 */
export function isOpenInKernel(
  sysfsDir: string,
  { driver, number }: Pick<VideoNode, "driver" | "number">,
): boolean | undefined {
  if (driver !== "uvcvideo") return undefined;
  const usage = join(sysfsDir, "class/video4linux", deviceId(number), "device/power/runtime_usage");
  const openers = readSmallFile(usage);
  return openers === undefined ? undefined : Number(openers) > 0;
}

/** The order in which the kinds of a device's nodes say what the device is. */
const kindOrder: readonly (DeviceKind | undefined)[] = [
  ...(["camera", "codec", "output", "media_controller", "other", "metadata"] as const),
  undefined,
];

/** The node for which a pod would want the device: that of the pictures. */
export function mainNode<N extends CameraNode>({
  nodes,
}: {
  readonly nodes: readonly N[];
}): N | undefined {
  return nodes.toSorted((a, b) => kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind))[0];
}
