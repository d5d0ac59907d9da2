import { backoffDelay } from "../../common/backoff.ts";
import { asClause } from "../../common/clause.ts";
import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { nextStep } from "../inventory/next-step.ts";
import type { UsageRecord } from "../usage/usage-record.ts";
import type { MaintenanceAction } from "./maintenance-plan.ts";
import type { MaintenanceTimes } from "./maintenance-times.ts";
import type { DeviceMonitor } from "./monitor.ts";

export interface MaintenanceRunnerDeps {
  readonly monitor: Pick<DeviceMonitor, "reset" | "repair" | "inspect">;
  readonly pool: Pick<Inventory, "get" | "hold" | "isHeld" | "release">;
  readonly clock: Clock;
  readonly log: Logger;
  /** In [0, 1). */
  readonly random: () => number;
  readonly observer?: MaintenanceObserver | undefined;
  readonly times: Pick<MaintenanceTimes, "backoff" | "tolerated" | "pollMs">;
}

/** What came of a reset or repair; `busy`: somebody holds the device open. */
export type MaintenanceResult = "ok" | "busy" | "failed";

/** Told of every reset and repair that was tried. */
export interface MaintenanceObserver {
  /** `ms`: how long it took. */
  cared(id: string, kind: MaintenanceAction["kind"], result: MaintenanceResult, ms: number): void;
}

export interface AttemptOptions {
  /** Whether repeated failure takes the device out of the offer: not while its own pod has it. Default true. */
  readonly mayHold?: boolean;
  /** Why it is tried, a stable word for the log. Default: the device's own trouble, or `not_clean`. */
  readonly because?: string;
}

/** Resets and repairs devices, and keeps the books of what came of it. Whether one may is the caller's matter. */
export class MaintenanceRunner {
  readonly #deps: MaintenanceRunnerDeps;

  constructor(deps: MaintenanceRunnerDeps) {
    this.#deps = deps;
  }

  /** @throws PluginError as the monitor's `reset` and `repair`, after it was logged. */
  async try(
    { kind, id }: MaintenanceAction,
    record: UsageRecord,
    { mayHold = true, because = this.#trouble(id) }: AttemptOptions = {},
  ): Promise<void> {
    const { monitor, pool, log, observer } = this.#deps;
    const started = performance.now();
    try {
      await monitor[kind](id);
    } catch (reason) {
      const error = PluginError.from(reason);
      const busy = error.code === "device_busy";
      observer?.cared(id, kind, busy ? "busy" : "failed", performance.now() - started);
      if (busy) this.#busy(record);
      else this.#failed({ kind, id }, record, error, mayHold);
      log.warn("Device could not be cared for", {
        device_id: id,
        action: kind,
        reason: because,
        attempt: record.failures,
        ...error.fields(),
        retry_in_s: this.#seconds(record.notBefore),
        next: pool.isHeld(id, "unclean")
          ? nextStep("unclean")
          : "it stays as it is until it is tried again",
      });
      throw error;
    }
    const ms = performance.now() - started;
    observer?.cared(id, kind, "ok", ms);
    const fields = { device_id: id, reason: because, duration_ms: Math.round(ms) };
    if (kind === "repair") {
      record.repairs += 1;
      record.recovered();
      log.info("Device repaired", { ...fields, next: "it is offered again if it is well now" });
      return;
    }
    record.resets += 1;
    record.cleaned();
    log.info("Device reset", { ...fields, next: "it is clean for whoever gets it" });
    pool.release(id, "unclean");
    if (pool.get(id)?.reason === "unclean") await monitor.inspect();
  }

  #trouble(id: string): string {
    const reason = this.#deps.pool.get(id)?.reason;
    const isTrouble = reason === "dead_caps" || reason === "stuck_writer" || reason === "unclean";
    return isTrouble ? reason : "not_clean";
  }

  #seconds(at: number): number {
    return Math.max(0, Math.ceil((at - this.#deps.clock.now()) / 1000));
  }

  /** Being held is no failure of the device; it is tried again when that may have ended. */
  #busy(record: UsageRecord): void {
    record.seenOpen(true);
    record.notBefore = this.#deps.clock.now() + this.#deps.times.pollMs;
  }

  #failed(
    action: MaintenanceAction,
    record: UsageRecord,
    error: PluginError,
    mayHold: boolean,
  ): void {
    const { clock, random, times, pool } = this.#deps;
    record.failures += 1;
    record.notBefore = clock.now() + backoffDelay(record.failures, times.backoff, random());
    const hangs = error.code === "timed_out" || error.code === "device_hangs";
    if (!mayHold || action.kind !== "reset") return;
    if (!hangs && record.failures < times.tolerated) return;
    pool.hold(action.id, {
      reason: "unclean",
      detail: `It could not be reset: ${asClause(error.message)}.`,
    });
  }
}
