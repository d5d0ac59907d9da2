import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import type { PluginError } from "../../common/plugin-error.ts";
import type { EnsureReport } from "../../drivers/driver.ts";
import type { DeviceChange } from "../inventory/inventory.ts";
import { nextStep } from "../inventory/next-step.ts";

/** How often trouble that goes on is told again at full volume, ms: a log is rotated, or read from its end. */
const reminderMs = 600_000;

/** Tells of what the monitor sees and makes; what has not changed is told at debug level, if at all. */
export class MonitorLog {
  readonly #log: Logger;
  readonly #clock: Pick<Clock, "now">;
  /** What trouble has been told at full volume, and when, ms since the epoch. */
  readonly #told = new Map<string, number>();

  constructor(log: Logger, clock: Pick<Clock, "now">) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Devices have another health or reason than before. */
  changed(changes: readonly DeviceChange[]): void {
    for (const { before, after } of changes) {
      const fields = {
        device_id: after.id,
        device_path: after.hostPath,
        health: after.health,
        reason: after.reason,
        was: before.reason,
        ...(after.detail && { detail: after.detail }),
        next: nextStep(after.reason),
      };
      // The first good look at a device is no event: "Devices set up" has told of it.
      const level = before.reason === "unknown" ? "debug" : "info";
      if (after.health === "Healthy") this.#log[level]("Device healthy", fields);
      else this.#log.warn("Device unhealthy", fields);
    }
  }

  /** The driver could not look. */
  unseen(error: PluginError, toleratedFailures: number): void {
    this.#log.error("Devices could not be inspected", {
      ...error.fields(),
      next: `what was seen last counts until ${toleratedFailures} looks in a row have failed`,
    });
  }

  /** @param isRetry The last attempt has failed: a further one that changed nothing is no event. */
  setUp({ created, adopted, failed }: EnsureReport, isRetry: boolean): void {
    this.#log[created.length > 0 || !isRetry ? "info" : "debug"]("Devices set up", {
      created_device_ids: created,
      adopted_device_ids: adopted,
      failed_device_ids: failed.map(({ id }) => id),
      next:
        failed.length === 0
          ? "they are looked at, and offered if they are well"
          : "those that failed are tried again, ever more rarely",
    });
  }

  /** Devices could not be set up: one of them, or all. The same trouble is told every ten minutes at full volume. */
  notSetUp(error: PluginError, id?: string): void {
    const key = `${id ?? ""} ${error.message}`;
    const now = this.#clock.now();
    const last = this.#told.get(key);
    const isDue = last === undefined || now - last >= reminderMs;
    if (isDue) this.#told.set(key, now);
    this.#log[isDue ? "error" : "debug"](
      id === undefined ? "Devices could not be set up" : "Device could not be set up",
      {
        ...(id !== undefined && { device_id: id }),
        ...error.fields(),
        next: "it is tried again, ever more rarely",
      },
    );
  }

  /** What trouble comes next is told at full volume, known or not. */
  forget(): void {
    this.#told.clear();
  }
}
