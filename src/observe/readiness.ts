import type { PluginError } from "../common/plugin-error.ts";
import { type DeviceStatus, isHoldReason } from "../devices/inventory/device-status.ts";
import type { Check } from "./probes.ts";

/**
 * Fails if no device works: a rollout should stop at such a node. The failure says why and what to do. Devices that
 * are withheld on purpose (cordoned, say) count as working.
 *
 * @param trouble why creating devices failed, if it did.
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

/** An error's message and remedy as one text. */
export function inSentences({ message, remedy }: PluginError): string {
  return remedy === undefined ? message : `${message} ${remedy}`;
}
