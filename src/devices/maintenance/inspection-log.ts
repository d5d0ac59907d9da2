import type { Clock } from "../../common/clock.ts";
import { LogOnce } from "../../common/log-once.ts";
import type { Logger } from "../../common/logger.ts";
import type { PluginError } from "../../common/plugin-error.ts";
import type { EnsureReport } from "../../drivers/driver.ts";
import { isHoldReason, usageHoldReasons } from "../inventory/device-status.ts";
import type { DeviceChange } from "../inventory/inventory.ts";
import { nextStep } from "../inventory/next-step.ts";

/** How often trouble that goes on is logged again at its own level, ms: a log is rotated, or read from its end. */
const reminderMs = 600_000;

/** Logs what inspections see and what the driver creates; what has not changed is logged at debug level, if at all. */
export class InspectionLog {
  readonly #log: Logger;
  readonly #once: LogOnce;

  constructor(log: Logger, clock: Pick<Clock, "now">) {
    this.#log = log;
    this.#once = new LogOnce({ clock, afterMs: reminderMs });
  }

  /** Devices have another health or reason than before. */
  readonly changed = (changes: readonly DeviceChange[]): void => {
    for (const { before, after } of changes) {
      // A device that worked before is held: the room that holds it has logged that. No room does so for holds by use.
      const worked = before.health === "Healthy" || isHoldReason(before.reason);
      const isLogged = isHoldReason(after.reason) && !usageHoldReasons.includes(after.reason);
      if (worked && isLogged) continue;
      const fields = {
        device_id: after.id,
        device_path: after.nodes[0].hostPath,
        health: after.health,
        reason: after.reason,
        was: before.reason,
        ...(after.detail && { detail: after.detail }),
        next: nextStep(after),
      };
      // The first good inspection of a device is no event: "Devices set up" was one.
      const level = before.reason === "unknown" ? "debug" : "info";
      if (after.health === "Healthy") this.#log[level]("Device healthy", fields);
      else this.#log.warn("Device unhealthy", fields);
    }
  };

  /** The driver could not inspect. */
  inspectionFailed(error: PluginError, toleratedFailures: number): void {
    this.#log.error("Inspection failed", {
      ...error.fields(),
      next: `the last observations count until ${toleratedFailures} inspections in a row have failed`,
    });
  }

  /** @param isRetry The last attempt failed: a further one that created nothing is no event. */
  ensured({ created, adopted, failed }: EnsureReport, isRetry: boolean): void {
    this.#log[created.length > 0 || !isRetry ? "info" : "debug"]("Devices set up", {
      created_device_ids: created,
      adopted_device_ids: adopted,
      failed_device_ids: failed.map(({ id }) => id),
      next:
        failed.length === 0
          ? "they are inspected, and offered if they are healthy"
          : "retrying with backoff for those that failed",
    });
  }

  /** Devices could not be set up: one of them, or all. The same trouble is logged as an error every ten minutes. */
  ensureFailed(error: PluginError, id?: string): void {
    const key = `${id ?? ""} ${error.message}`;
    this.#log[this.#once.isNew(key) ? "error" : "debug"](
      id === undefined ? "Devices could not be set up" : "Device could not be set up",
      {
        ...(id !== undefined && { device_id: id }),
        ...error.fields(),
        next: "retrying with backoff",
      },
    );
  }

  /** The next trouble is logged as an error, known or not. */
  forget(): void {
    this.#once.forget();
  }
}
