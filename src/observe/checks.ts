import type { PluginError } from "../common/plugin-error.ts";
import { type DeviceStatus, isHoldReason } from "../devices/inventory/device-status.ts";
import type { Check } from "./probes.ts";

/** Longest lag of a live event loop, seconds; kubelets give a probe 1 s to 10 s. */
const lagLimit = 5;

/** Longest time for one piece of work at the driver, ms; beyond that a restart of the process may help. */
const hangMs = 60_000;

/** Fails if the event loop's lag, in seconds, is too long for a kubelet's probe. */
export function eventLoopCheck(lag: number): Check {
  const failure = lag > lagLimit ? `the event loop is ${lag.toFixed(1)} s behind` : undefined;
  return { name: "event-loop", failure };
}

/** Fails if the current work at the driver hangs. @param busy what it is and for how long; undefined if nothing. */
export function monitorCheck(
  busy: { readonly what: string; readonly ms: number } | undefined,
): Check {
  const hangs = busy !== undefined && busy.ms > hangMs;
  const failure = hangs ? `${busy.what} has taken ${Math.round(busy.ms / 1000)} s` : undefined;
  return { name: "monitor", failure };
}

type CheckedDevice = Pick<DeviceStatus, "id" | "health" | "reason" | "detail">;

/**
 * Fails if no device works: a rollout should stop at such a node. The failure says why and what to do. Devices that
 * are withheld on purpose (cordoned, say) count as working, and one that is unplugged says nothing of the node.
 *
 * @param trouble why creating devices failed, if it did.
 */
export function devicesCheck(
  devices: readonly CheckedDevice[],
  trouble: PluginError | undefined,
): Check {
  const name = "devices";
  const works = ({ health, reason }: Pick<DeviceStatus, "health" | "reason">) =>
    health === "Healthy" || isHoldReason(reason);
  const present = devices.filter(({ reason }) => reason !== "unplugged");
  const [first] = present;
  if (first === undefined || present.some(works)) return { name, failure: undefined };
  const why = trouble ? inSentences(trouble) : `${first.id} is ${first.reason}: ${first.detail}`;
  return { name, failure: `none works: ${why}`.replace(/\s+/g, " ") };
}

/**
 * As {@link devicesCheck} for a standby, which changes no device yet: one that this process can fix after its take-over counts
 * as working. Else an update that needs other devices would wait for itself, as those are created only then.
 *
 * @param canFix As the driver's.
 */
export function standbyDevicesCheck<D extends CheckedDevice>(
  devices: readonly D[],
  canFix: (device: D) => boolean,
): Check {
  const check = devicesCheck(devices, undefined);
  const passes = check.failure === undefined || devices.some(canFix);
  return passes ? { name: check.name, failure: undefined } : check;
}

/** An error's message and remedy as one text. */
export function inSentences({ message, remedy }: PluginError): string {
  return remedy === undefined ? message : `${message} ${remedy}`;
}
