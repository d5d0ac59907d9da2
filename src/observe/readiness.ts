import type { PluginError } from "../common/plugin-error.ts";
import { type DeviceStatus, isHoldReason } from "../devices/inventory/device-status.ts";
import type { Check } from "./probes.ts";

/**
 * Fails if no device at all could be given to a pod, with why and what to do about it: such a node is as
 * good as one without the plugin, and a rollout should stop at it. Devices that are held out of the offer on
 * purpose (cordoned, say) are devices that work.
 *
 * @param trouble why devices could not be made, if that is known.
 */
export function devicesCheck(
  devices: readonly Pick<DeviceStatus, "id" | "health" | "reason" | "detail">[],
  trouble: PluginError | undefined,
): Check {
  const name = "devices";
  const works = ({ health, reason }: Pick<DeviceStatus, "health" | "reason">) =>
    health === "Healthy" || isHoldReason(reason);
  const [first] = devices;
  if (first === undefined || devices.some(works)) return { name, failure: undefined };
  const why = trouble ? inSentences(trouble) : `${first.id} is ${first.reason}: ${first.detail}`;
  return { name, failure: `none works: ${why}`.replace(/\s+/g, " ") };
}

/** What is wrong and what to do about it. */
export function inSentences({ message, remedy }: PluginError): string {
  return remedy === undefined ? message : `${message} ${remedy}`;
}
