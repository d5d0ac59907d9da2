import type { Clock } from "../../common/clock.ts";
import { LogOnce } from "../../common/log-once.ts";
import type { Logger } from "../../common/logger.ts";
import type { PluginError } from "../../common/plugin-error.ts";
import type { DriverDevice, EnsureReport } from "../../drivers/driver.ts";
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

  /** Devices have another health or reason than before. Those with the same cause are one line. */
  readonly changed = (changes: readonly DeviceChange[]): void => {
    const logged = changes.filter(({ before, after }) => {
      // A device that worked before is held: the room that holds it has logged that. No room does so for holds by use.
      const worked = before.health === "Healthy" || isHoldReason(before.reason);
      const isLogged = isHoldReason(after.reason) && !usageHoldReasons.includes(after.reason);
      return !(worked && isLogged);
    });
    const causeOf = ({ before, after }: DeviceChange) =>
      [
        before.reason,
        after.health,
        after.reason,
        withoutId(after.detail, after.id),
        nextStep(after),
      ].join();
    for (const [{ before, after }, ...more] of byCause(logged, causeOf)) {
      const { id, health, reason, detail, nodes } = after;
      const isOne = more.length === 0;
      const fields = {
        ...(isOne
          ? { device_id: id, device_path: nodes[0].hostPath }
          : { count: more.length + 1, device_ids: [id, ...more.map((change) => change.after.id)] }),
        health,
        reason,
        was: before.reason,
        ...(detail && { detail }),
        next: nextStep(after),
      };
      // The first good inspection of a device is no event: "Devices set up" was one.
      const level = before.reason === "unknown" ? "debug" : "info";
      if (health === "Healthy") {
        this.#log[level](isOne ? "Device healthy" : "Devices healthy", fields);
      } else {
        this.#log.warn(isOne ? "Device unhealthy" : "Devices unhealthy", fields);
      }
    }
  };

  /** The driver has found devices that it did not have before. */
  found(devices: readonly DriverDevice[]): void {
    const ids = devices.map(({ id }) => id);
    this.#log.info("Devices found", {
      device_ids: ids,
      device_paths: devices.map(({ nodes }) => nodes[0].hostPath),
      next: "offering those that are healthy, until this process ends",
    });
  }

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

  /** No device could be set up. The same trouble is logged as an error every ten minutes. */
  ensureFailed(error: PluginError): void {
    this.#ensureFailed(error, []);
  }

  /** Some devices could not be set up. Those with the same cause are one line. */
  ensuresFailed(failures: readonly EnsureFailure[]): void {
    const causeOf = ({ id, error: { code, message } }: EnsureFailure) =>
      `${code} ${withoutId(message, id)}`;
    for (const group of byCause(failures, causeOf)) {
      this.#ensureFailed(
        group[0].error,
        group.map(({ id }) => id),
      );
    }
  }

  #ensureFailed(error: PluginError, ids: readonly string[]): void {
    const key = `${ids.join()} ${error.message}`;
    const [only, ...more] = ids;
    const isOne = only !== undefined && more.length === 0;
    this.#log[this.#once.isNew(key) ? "error" : "debug"](
      isOne ? "Device could not be set up" : "Devices could not be set up",
      {
        ...(isOne && { device_id: only }),
        ...(more.length > 0 && { count: ids.length, device_ids: ids }),
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

/** A device that could not be set up, and why. */
export interface EnsureFailure {
  readonly id: string;
  readonly error: PluginError;
}

/** A text about a device in which its ID does not count: of two devices with one cause the texts are the same. */
function withoutId(text: string, id: string): string {
  return text.replaceAll(id, "");
}

/** What has the same cause, together, in the order of the first of each. */
function byCause<T>(items: readonly T[], causeOf: (item: T) => string): [T, ...T[]][] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const item of items) {
    const cause = causeOf(item);
    const group = groups.get(cause);
    if (group === undefined) groups.set(cause, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}
