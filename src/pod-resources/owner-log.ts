import type { Logger } from "../common/logger.ts";
import type { OwnerUpdate } from "./device-owners.ts";

/** Logs which pods own and release devices. Owners of the first answer, from before this process, are one line. */
export function logOwners(log: Logger, { changes, first }: OwnerUpdate): void {
  if (first) {
    const owners = changes.flatMap(({ id, after }) =>
      after ? [`${id} ${after.namespace}/${after.pod}/${after.container}`] : [],
    );
    if (owners.length === 0) return;
    log.info("Devices already owned by pods", {
      count: owners.length,
      owners,
      reason: "listed_by_kubelet",
      next: "the plugin leaves them alone until their pods end",
    });
    return;
  }
  for (const { id, before, after } of changes) {
    if (before) {
      const reason = after ? "listed_for_another_container" : "no_longer_listed";
      const next = after
        ? "the other container owns the device"
        : "the plugin resets the device once it is certain that it is free";
      log.info("Device released by pod", { device_id: id, ...before, reason, next });
    }
    if (after) {
      const next = "the plugin leaves the device alone until the kubelet no longer lists it";
      log.info("Device owned by pod", {
        device_id: id,
        ...after,
        reason: "listed_by_kubelet",
        next,
      });
    }
  }
}
