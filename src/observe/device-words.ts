import {
  type Device,
  type Kubelet,
  Picture,
  Signal,
  Use,
  Work,
} from "../gen/videodevice/admin/v1/admin_pb.ts";

/**
 * A device's state in one word, for counting and colours:
 * - `in use`, `free`: healthy, and so is its use.
 * - `unknown`: healthy, and the kubelet can't be asked which pod owns it, or doesn't list it because its user is a plain
 *   init container.
 * - `cordoned`, `retired`: not offered because an operator wanted it so.
 * - `unhealthy`: not offered for any other reason.
 */
export type DeviceState = "in use" | "free" | "unknown" | "cordoned" | "retired" | "unhealthy";

/** All states, in the order in which the status page counts them. */
export const deviceStates = [
  "in use",
  "free",
  "unknown",
  "cordoned",
  "retired",
  "unhealthy",
] as const;

/** What a ready camera shows; empty for a plain device, and while the plugin doesn't relay the camera. */
export function pictureWord({ readyCamera }: Device): "" | "application" | "placeholder" {
  if (readyCamera?.picture === Picture.APPLICATION) return "application";
  return readyCamera?.picture === Picture.PLACEHOLDER ? "placeholder" : "";
}

/** The words for one device: the same on the status page and in the output of `status`. */
export interface DeviceWords {
  readonly state: DeviceState;
  /** `healthy`, or the reason why not as the metrics, the log and the runbook call it: `stuck_writer`. */
  readonly health: string;
  readonly use: "in use" | "free" | "unknown";
  /** What the plugin is doing to the device, or has yet to do; empty if nothing. */
  readonly note: "" | "resetting" | "repairing" | "not reset yet";
  /** That no source feeds its input, though the device is healthy; else empty. */
  readonly signal: "" | "no signal";
}

/**
 * The words for a device. Health decides its state first: an unhealthy device that a pod owns is unhealthy.
 *
 * After a start, and for some seconds after its pod has ended, the plugin has no proof that a device is free, so its
 * use is unspecified. The kubelet lists it for no pod and would allocate it, hence it is shown as free. A device that was
 * allocated and never listed is not: the kubelet keeps it for the pod whose plain init container got it.
 */
export function deviceWords(device: Device, kubelet: Kubelet | undefined): DeviceWords {
  const { healthy, reason } = device;
  const use = useOf(device, kubelet);
  const withheld = withheldStates.find((state) => state === reason);
  const state = healthy ? use : (withheld ?? "unhealthy");
  const health = healthy ? "healthy" : reason || "unhealthy";
  const signal = healthy && device.signal === Signal.MISSING ? "no signal" : "";
  return { state, health, use, note: noteOf(device, state, use), signal };
}

const withheldStates = ["cordoned", "retired"] as const;

function useOf({ use, clean, unlisted }: Device, kubelet: Kubelet | undefined): DeviceWords["use"] {
  if (use === Use.IN_USE) return "in use";
  if (use === Use.UNSPECIFIED && unlisted) return "unknown";
  // A clean device was allocated to no pod since the plugin created or reset it.
  const isFree = use === Use.FREE || clean || kubelet?.podResourcesAnswers === true;
  return isFree ? "free" : "unknown";
}

function noteOf(
  { work, clean }: Device,
  state: DeviceState,
  use: DeviceWords["use"],
): DeviceWords["note"] {
  if (work === Work.RESET) return "resetting";
  if (work === Work.REPAIR) return "repairing";
  const isWaiting = use === "free" && !clean && state !== "unhealthy";
  return isWaiting ? "not reset yet" : "";
}
