import type { Logger } from "../common/logger.ts";
import type { Owner, OwnerNews } from "./device-owners.ts";

/**
 * Tells people whose a device has become and whose it was. What pods have had since before this process is one
 * line.
 */
export function logOwners(log: Logger, { changes, first }: OwnerNews): void {
  if (first) {
    if (changes.length === 0) return;
    const owners = changes.flatMap(({ id, after }) => (after ? [`${id} ${nameOf(after)}`] : []));
    log.info("Devices are taken already", {
      count: owners.length,
      owners,
      reason: "listed_by_kubelet",
      next: "they stay as they are until their pods end",
    });
    return;
  }
  for (const { id, before, after } of changes) {
    if (before) {
      const reason = after ? "listed_for_another_container" : "no_longer_listed";
      const next = after ? "it is that one's now" : "it is cleaned once it is sure to be free";
      log.info("Device given back", { device_id: id, ...before, reason, next });
    }
    if (after) {
      const next = "it stays as it is until the kubelet no longer lists it";
      log.info("Device taken", { device_id: id, ...after, reason: "listed_by_kubelet", next });
    }
  }
}

function nameOf({ namespace, pod, container }: Owner): string {
  return `${namespace}/${pod}/${container}`;
}
