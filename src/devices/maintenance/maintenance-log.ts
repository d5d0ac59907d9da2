import { LogOnce } from "../../common/log-once.ts";
import type { Logger } from "../../common/logger.ts";
import type { UsageFacts } from "../usage/usage.ts";
import type { MaintenanceAction, MaintenanceFacts } from "./maintenance-plan.ts";

/** Logs each decision of the maintenance at debug level with its inputs, when they change. */
export class MaintenanceLog {
  readonly #log: Logger;
  readonly #once = new LogOnce();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param action What the plugin does to the device now; undefined if nothing. */
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
    if (!this.#once.isNew(id, JSON.stringify(fields))) return;
    this.#log.debug("Maintenance decision", fields);
  }
}
