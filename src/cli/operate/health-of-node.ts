import type { Device, Status } from "../../gen/videodevice/admin/v1/admin_pb.ts";

/**
 * Whether the node does what it is there for: a kubelet listens to the plugin, and every device is healthy that
 * no operator has taken out of the offer.
 */
export function isWell(status: Status): boolean {
  return status.kubelet?.registered === true && !status.devices.some(isAilment);
}

/** Unhealthy, and not because an operator wanted it so. */
export function isAilment({ healthy, cordon }: Device): boolean {
  return !healthy && cordon === undefined;
}
