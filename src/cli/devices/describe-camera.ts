import { type CameraNode, mainNode } from "../../drivers/camera/index.ts";
import { deviceId } from "../../v4l2/device-ids.ts";
import type { PhysicalDevice } from "../../v4l2/physical-device.ts";

/** `camera`, with a question mark if that is a guess; `?` if not even that. */
export function describeKind(device: PhysicalDevice<CameraNode>): string {
  const main = mainNode(device);
  return `${main?.kind ?? ""}${main?.isGuess === false ? "" : "?"}`;
}

/** The states of nodes, the one first that says most about their device. */
const states: readonly CameraNode["state"][] = ["stuck", "refused", "open", "unasked", "ok"];

/** The state of a device: `free` if all of its nodes are closed and have answered. */
export function describeState({ nodes }: PhysicalDevice<CameraNode>): string {
  const state = states.find((one) => nodes.some((node) => node.state === one));
  return state === "ok" || state === undefined ? "free" : state === "unasked" ? "?" : state;
}

/** What is wrong with a node, in a sentence; empty if nothing is. */
export function describeTrouble({ state, number, path, errno = "" }: CameraNode): string {
  const id = deviceId(number);
  if (state === "stuck") return `${id} is stuck: it did not answer within 2 s. ${replug}`;
  if (state !== "refused") return "";
  const why = refusals[errno] ?? "see the kernel's log: dmesg | tail.";
  return `${id}: ${path} can't be opened (${errno}): ${why}`;
}

const replug = "Unplug the device and plug it in again.";

/** Why open(2) or QUERYCAP of a device with hardware fails (drivers/media/v4l2-core/v4l2-dev.c). */
const refusals: Readonly<Record<string, string>> = {
  EACCES: "its mode doesn't allow it.",
  EBUSY: "its driver allows no more programs.",
  EIO: `it does not answer. ${replug}`,
  ENODEV: `its driver has lost the device. ${replug}`,
  ENOENT: "there is no such file.",
  ENOTTY: "its driver doesn't know QUERYCAP.",
  ENXIO: "the node belongs to no device.",
  EPERM: "the container's device rules don't allow it.",
};
