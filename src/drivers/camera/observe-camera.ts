import { type DeviceNumber, formatDevice } from "../../linux/device-number.ts";
import type { VideoInput } from "../../v4l2/video-input.ts";
import { type DeviceObservation, okObservation } from "../driver.ts";
import type { PluggedCamera } from "./camera-catalog.ts";
import { signalIn } from "./camera-signals.ts";

/**
 * Why a real device does not work.
 * - `unplugged`: it is not there.
 * - `ambiguous`: several devices that are plugged in have its ID.
 * - `node_missing`: the kernel has it, and /dev has no node for it, or that of another device.
 * - `zombie`: node and /sys have it, and its driver has lost it.
 * - `stuck`: it does not answer.
 * - `link_failed`: the plugin can't make the link by which container runtimes find it.
 * - `no_signal`: no source feeds its input, and its pool needs one.
 */
export const cameraReasons = [
  ...(["unplugged", "ambiguous", "node_missing", "zombie"] as const),
  ...(["stuck", "link_failed", "no_signal"] as const),
] as const;

export type CameraReason = (typeof cameraReasons)[number];

/** All that decides how a device is observed. */
export interface CameraFacts {
  readonly id: string;
  /** The devices that have this ID and are plugged in. */
  readonly plugged: readonly PluggedCamera[];
  /** Number of the main node's file in /dev; undefined if it is none of a device, or there is none. */
  readonly nodeNumber: DeviceNumber | undefined;
  /** Why the link could not be made; empty if it was. */
  readonly linkError: string;
  /** The input that the device has selected; undefined if that isn't known. */
  readonly input: VideoInput | undefined;
  /** True if a device without a signal is unhealthy. */
  readonly needsSignal: boolean;
}

/** What is seen of a device, from /sys and what it answered when it was plugged in. */
export function observeCamera({
  id,
  plugged,
  nodeNumber,
  linkError,
  input,
  needsSignal,
}: CameraFacts): DeviceObservation {
  const [camera, ...others] = plugged;
  const fault = (state: DeviceObservation["state"], reason: CameraReason, detail: string) => ({
    ...{ id, state, reason, detail },
    fix: "none" as const,
  });
  if (camera === undefined) return fault("unavailable", "unplugged", `${id} is not plugged in.`);
  const { main } = camera;
  if (camera.isAmbiguous) {
    const paths = [main, ...others.map((other) => other.main)].map(({ path }) => path);
    const detail = `${paths.join(" and ")} have the same name: give each a pool of its own, or name them by their ports.`;
    return fault("unavailable", "ambiguous", detail);
  }
  const number = main.device === undefined ? undefined : formatDevice(main.device);
  if (number === undefined || nodeNumber === undefined || formatDevice(nodeNumber) !== number) {
    const has = nodeNumber === undefined ? "no device node" : `device ${formatDevice(nodeNumber)}`;
    const detail = `${main.path} is ${has}, and the kernel has ${id} as ${number ?? "no device"}.`;
    return fault("unavailable", "node_missing", detail);
  }
  const seen = { deviceNumber: number, identity: main.appearance };
  if (main.state === "stuck") {
    const detail = `${main.path} did not answer within 2 s: unplug the device and plug it in again.`;
    return { ...fault("faulty", "stuck", detail), ...seen };
  }
  if (main.state === "refused" && (main.errno === "ENODEV" || main.errno === "ENXIO")) {
    const detail = `${main.path} can't be opened (${main.errno}): its driver has lost the device; unplug it and plug it in again.`;
    return { ...fault("faulty", "zombie", detail), ...seen };
  }
  if (linkError !== "") {
    const detail = `The link for ${main.path} can't be made: ${linkError}.`;
    return { ...fault("unavailable", "link_failed", detail), ...seen };
  }
  const signal = signalIn(input);
  const known = signal === undefined ? seen : { ...seen, signal };
  if (signal === "missing" && needsSignal) {
    const detail = `No source feeds the input "${input?.name}" of ${main.path}: turn one on, or plug one in.`;
    return { ...fault("faulty", "no_signal", detail), ...known };
  }
  return { ...okObservation(id), ...known };
}
