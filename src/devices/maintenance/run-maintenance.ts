import { backoffDelay } from "../../common/backoff.ts";
import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { nextStep } from "../inventory/next-step.ts";
import type { UsageTracker } from "../usage/usage-tracker.ts";
import type { DriverTurn } from "./driver-queue.ts";
import { isTrouble, type MaintenanceAction } from "./maintenance-plan.ts";
import type { MaintenanceRecord, MaintenanceRecords } from "./maintenance-record.ts";
import type { MaintenanceTimes } from "./maintenance-times.ts";

export interface MaintenanceRunnerDeps {
  readonly inventory: Pick<Inventory, "get" | "hold" | "isHeld" | "release">;
  readonly usage: Pick<UsageTracker, "cleaned" | "seenOpen">;
  readonly records: MaintenanceRecords;
  readonly clock: Clock;
  readonly log: Logger;
  /** In [0, 1). */
  readonly random: () => number;
  readonly observer?: MaintenanceObserver | undefined;
  readonly times: Pick<MaintenanceTimes, "backoff" | "tolerated" | "pollMs">;
}

/** What came of a reset or repair; `busy`: a process holds the device open. */
export type MaintenanceResult = "ok" | "busy" | "failed";

export interface MaintenanceObserver {
  /** Called after every reset and repair; `ms`: how long it took. */
  maintained(
    id: string,
    kind: MaintenanceAction["kind"],
    result: MaintenanceResult,
    ms: number,
  ): void;
}

export interface RunOptions {
  /** True if repeated failure makes the device unhealthy; false while its own pod has it. Default true. */
  readonly mayHold?: boolean;
  /** Why it is done, a stable word for the log. Default: the device's own trouble, or `not_clean`. */
  readonly reason?: string;
}

/** Resets and repairs devices, and records the results. The caller decides whether it may. */
export class MaintenanceRunner {
  readonly #deps: MaintenanceRunnerDeps;

  constructor(deps: MaintenanceRunnerDeps) {
    this.#deps = deps;
  }

  /** @throws PluginError as {@link DriverTurn.maintain}, after it was logged. */
  async run(
    turn: DriverTurn,
    { kind, id }: MaintenanceAction,
    { mayHold = true, reason = this.#trouble(id) }: RunOptions = {},
  ): Promise<void> {
    const { inventory, usage, records, log, observer } = this.#deps;
    const record = records.get(id);
    if (record === undefined) return;
    const started = performance.now();
    try {
      await turn.maintain(kind, id);
    } catch (thrown) {
      const error = PluginError.from(thrown);
      const isBusy = error.code === "device_busy";
      observer?.maintained(id, kind, isBusy ? "busy" : "failed", performance.now() - started);
      if (isBusy) this.#busy(id, record);
      else this.#failed({ kind, id }, record, error, mayHold);
      log.warn(kind === "reset" ? "Device reset failed" : "Device repair failed", {
        device_id: id,
        action: kind,
        reason,
        attempt: record.failures,
        ...error.fields(),
        retry_in_s: this.#secondsUntil(record.notBefore),
        next: inventory.isHeld(id, "unclean")
          ? nextStep({ reason: "unclean", fix: "none" })
          : "retrying with backoff",
      });
      throw error;
    }
    const ms = performance.now() - started;
    observer?.maintained(id, kind, "ok", ms);
    record.failures = 0;
    record.notBefore = 0;
    const fields = { device_id: id, reason, duration_ms: Math.round(ms) };
    if (kind === "repair") {
      record.repairs += 1;
      log.info("Device repaired", { ...fields, next: "it is offered again if it is healthy" });
      return;
    }
    record.resets += 1;
    usage.cleaned(id);
    log.info("Device reset", { ...fields, next: "it is clean for its next pod" });
    inventory.release(id, "unclean");
    inventory.release(id, "held");
  }

  #trouble(id: string): string {
    const status = this.#deps.inventory.get(id);
    return status !== undefined && isTrouble(status) ? status.reason : "not_clean";
  }

  #secondsUntil(at: number): number {
    return Math.max(0, Math.ceil((at - this.#deps.clock.now()) / 1000));
  }

  /** An open device is no failure of the device; the next try comes when that may have ended. */
  #busy(id: string, record: MaintenanceRecord): void {
    this.#deps.usage.seenOpen(id, true);
    record.notBefore = this.#deps.clock.now() + this.#deps.times.pollMs;
  }

  #failed(
    { kind, id }: MaintenanceAction,
    record: MaintenanceRecord,
    error: PluginError,
    mayHold: boolean,
  ): void {
    const { clock, random, times, inventory } = this.#deps;
    record.failures += 1;
    record.notBefore = clock.now() + backoffDelay(record.failures, times.backoff, random());
    const hangs = error.code === "timed_out" || error.code === "device_hangs";
    if (!mayHold || kind !== "reset") return;
    if (!hangs && record.failures < times.tolerated) return;
    const why = error.message.replace(/\.$/, "");
    inventory.hold(id, "unclean", `It could not be reset: ${why}.`);
  }
}
