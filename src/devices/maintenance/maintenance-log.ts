import type { Logger } from "../../common/logger.ts";
import type { UsageFacts } from "../usage/usage.ts";
import type { MaintenanceAction, MaintenanceFacts } from "./maintenance-plan.ts";

/** Tells, at debug level, of what the maintenance makes of a device, with all it knows; only when that changes. */
export class MaintenanceLog {
  readonly #log: Logger;
  readonly #told = new Map<string, string>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param action What is to be done to it now; undefined if nothing is. */
  decided(
    facts: MaintenanceFacts,
    known: UsageFacts,
    action: MaintenanceAction["kind"] | undefined,
  ): void {
    const { id, reason, cleanliness, use } = facts;
    const { listed, listedSince, refused, open, allocatedAt, absentSince } = known;
    const fields = {
      device_id: id,
      action: action ?? "none",
      reason,
      use,
      cleanliness,
      listed_by_kubelet: listed,
      left_out_by_kubelet: absentSince !== undefined,
      allocated: allocatedAt !== undefined,
      listed_since_allocated: listedSince,
      refused,
      open,
      failed_lately: facts.notBefore > 0,
    };
    const inputs = JSON.stringify(fields);
    if (this.#told.get(id) === inputs) return;
    this.#told.set(id, inputs);
    this.#log.debug("Care decision", fields);
  }
}
