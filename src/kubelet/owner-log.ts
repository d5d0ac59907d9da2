import type { Logger } from "../observe/logger.ts";
import type { Owner, OwnerNews } from "./device-owners.ts";

/**
 * Tells people whose a device has become and whose it was. What pods have had since before this process is one
 * line.
 */
export function logOwners(log: Logger, { changes, first }: OwnerNews): void {
  if (first) {
    if (changes.length === 0) return;
    const owners = changes.flatMap(({ id, after }) => (after ? [`${id} ${nameOf(after)}`] : []));
    log.info("Devices are taken already", { count: owners.length, owners });
    return;
  }
  for (const { id, before, after } of changes) {
    if (before) log.info("Device given back", { device_id: id, ...before });
    if (after) log.info("Device taken", { device_id: id, ...after });
  }
}

function nameOf({ namespace, pod, container }: Owner): string {
  return `${namespace}/${pod}/${container}`;
}
