import { Notify } from "../../common/notify.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { EnsureReport, VideoDriver } from "../../drivers/driver.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { Use } from "../usage/usage.ts";
import type { UsageRecord } from "../usage/usage-record.ts";
import { UsageTracker, type UsageTrackerDeps } from "../usage/usage-tracker.ts";
import { AllocationGuard } from "./allocation-guard.ts";
import { DeviceLocks } from "./device-locks.ts";
import { MaintenanceLog } from "./maintenance-log.ts";
import {
  type Cleanliness,
  type MaintenanceAction,
  maintenanceOf,
  mayMaintain,
  planMaintenance,
} from "./maintenance-plan.ts";
import { defaultMaintenanceTimes, type MaintenanceTimes } from "./maintenance-times.ts";
import type { DeviceMonitor } from "./monitor.ts";
import { type OperateOptions, refuseOperation } from "./refuse-operation.ts";
import { removeDevices } from "./removal.ts";
import { type RetirementDeps, retireFree } from "./retirement.ts";
import { MaintenanceRunner, type MaintenanceRunnerDeps } from "./run-maintenance.ts";

export interface MaintenanceDeps
  extends RetirementDeps,
    Omit<MaintenanceRunnerDeps, "times" | "pool">,
    Omit<UsageTrackerDeps, "times" | "driver"> {
  readonly driver: Pick<VideoDriver, "devices" | "capabilities" | "isOpen" | "remove" | "release">;
  readonly pool: Pick<Inventory, "get" | "hold" | "isHeld" | "release" | "subscribe">;
  readonly monitor: Pick<DeviceMonitor, "reset" | "repair" | "inspect" | "workOn">;
  /** Calls `notify` when there is somebody anew to ask who has what. */
  readonly watchListed?: ((notify: () => void, signal: AbortSignal) => void) | undefined;
  readonly times?: MaintenanceTimes | undefined;
}

/** What the maintenance knows of one device, for people and metrics. */
export interface MaintenanceStatus {
  readonly id: string;
  readonly use: Use;
  readonly cleanliness: Cleanliness;
  /** By this process, and successful. */
  readonly resets: number;
  readonly repairs: number;
  /** What is being done to it at this moment: nothing that its health shows. */
  readonly work?: MaintenanceAction["kind"] | undefined;
}

/**
 * Sees to it that no pod finds what another left, and heals what can be healed only while nobody has
 * it: cleans what has become free, one device at a time, and before it is given away what was not
 * cleaned by then. Decisions are in `use.ts` and `care-plan.ts`.
 */
export class Maintenance {
  readonly #deps: MaintenanceDeps;
  readonly #times: MaintenanceTimes;
  readonly #book: UsageTracker;
  readonly #attempts: MaintenanceRunner;
  readonly #claims: AllocationGuard;
  readonly #said: MaintenanceLog;
  readonly #locks = new DeviceLocks();
  /** Devices that were not there before this process. */
  readonly #made = new Set<string>();
  readonly #notify = new Notify();
  #pollAt = Number.NEGATIVE_INFINITY;

  constructor(deps: MaintenanceDeps) {
    this.#deps = deps;
    this.#times = deps.times ?? defaultMaintenanceTimes;
    this.#book = new UsageTracker({ ...deps, times: this.#times });
    this.#attempts = new MaintenanceRunner({ ...deps, times: this.#times });
    this.#claims = new AllocationGuard({
      ...deps,
      book: this.#book,
      attempts: this.#attempts,
      locks: this.#locks,
      times: this.#times,
    });
    this.#said = new MaintenanceLog(deps.log);
  }

  status(): MaintenanceStatus[] {
    return [...this.#book.records.values()].map((record) => ({
      id: record.id,
      use: this.#book.use(record),
      cleanliness: record.cleanliness,
      resets: record.resets,
      repairs: record.repairs,
      work: this.#deps.monitor.workOn(record.id),
    }));
  }

  /** Whether there is proof that nobody uses the device. */
  readonly isFree = (id: string): boolean => {
    const record = this.#book.records.get(id);
    return record !== undefined && this.#book.use(record) === "free";
  };

  /**
   * Whether a writer's mark on the device is no trouble: it is one of the traces of its user, who may need it
   * (with the control `keep_format` it outlives each close) until the cleaning takes it away.
   */
  readonly excusesMark = (id: string): boolean => {
    const record = this.#book.records.get(id);
    if (record?.cleanliness !== "dirty") return false;
    return this.#deps.driver.capabilities().reset || this.#book.useUnlessOpen(record) !== "free";
  };

  /** Takes in what the driver made: new devices carry nothing of anybody. */
  readonly ensured = ({ created }: EnsureReport): void => {
    for (const id of created) {
      this.#made.add(id);
      const record = this.#book.records.get(id);
      // One that was lost under its pod and made anew is its pod's still.
      if (record?.cleanliness === "unknown") record.cleaned();
    }
  };

  /** The kubelet has begun anew. */
  kubeletRestarted(): void {
    this.#book.kubeletRestarted();
    this.#pollSoon(0);
  }

  /** {@link AllocationGuard.claim}, after which the kubelet is asked soon. */
  async claim<T>(ids: readonly string[], give: () => T): Promise<T> {
    const given = await this.#claims.claim(ids, give);
    this.#pollSoon(this.#times.settleMs);
    return given;
  }

  /** {@link AllocationGuard.prepare} */
  prepare(ids: readonly string[]): Promise<void> {
    return this.#claims.prepare(ids);
  }

  /**
   * Resets or repairs a device because an operator wants it, after a fresh look at who has it.
   *
   * @throws PluginError `device_unknown`, `not_supported`, `device_busy`, `device_in_use`, `use_unknown`,
   * or why it failed.
   */
  async operate(
    kind: MaintenanceAction["kind"],
    id: string,
    options: OperateOptions,
  ): Promise<void> {
    const { driver, pool } = this.#deps;
    const record = this.#book.records.get(id);
    if (record === undefined) {
      throw new PluginError("device_unknown", `${id} is not one of this node's devices.`);
    }
    await this.#locks.run(id, async () => {
      await this.#book.askNow(record);
      const open = await this.#book.look(record);
      const use = this.#book.use(record);
      const capable = kind === "repair" || driver.capabilities().reset;
      const path = pool.get(id)?.hostPath ?? id;
      const refusal = refuseOperation({ kind, id, path, use, open, capable }, options);
      if (refusal) throw refusal;
      const isTheirs = use !== "free";
      await this.#attempts.try({ kind, id }, record, { mayHold: !isTheirs, because: "operator" });
      // Whoever has it may go on to use it at any moment.
      if (isTheirs && kind === "reset") record.started();
    });
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, pool } = this.#deps;
    const unsubscribe = pool.subscribe(this.#notify.notify);
    this.#deps.watchListed?.(() => this.#pollSoon(0), signal);
    try {
      while (!signal.aborted) {
        await this.round(signal);
        await this.#notify.wait(clock, this.#untilNextRound(), signal);
      }
    } finally {
      unsubscribe();
    }
  }

  /** For the end of the process: removes the devices that it made and nobody uses, and what it loaded for them. */
  removeUnused(): Promise<void> {
    // One answer for all, or none: by then nothing is given away any more.
    let answer: ReturnType<UsageTracker["listedAtEnd"]> | undefined;
    const facts = async (id: string) => {
      const record = this.#book.records.get(id);
      answer ??= this.#book.listedAtEnd();
      const listed = (await answer)?.has(id);
      const open = record && (await this.#book.look(record));
      const since = this.#deps.clock.now() - (record?.allocatedAt ?? Number.NEGATIVE_INFINITY);
      const unseen = record?.allocatedAt !== undefined && !record.listedSince;
      const given = unseen || since < this.#times.graceMs;
      return { made: this.#made.has(id), given, listed, open };
    };
    return removeDevices([...this.#book.records.keys()], facts, this.#deps);
  }

  /** One look at who has what, if it is time, and what follows from it. */
  async round(signal: AbortSignal): Promise<void> {
    const { clock, driver, pool } = this.#deps;
    if (clock.now() >= this.#pollAt) {
      this.#pollAt = clock.now() + this.#times.pollMs;
      await this.#book.ask(signal);
    }
    retireFree(this.#deps, this.isFree);
    const facts = [...this.#book.records.values()].map((record) => ({
      id: record.id,
      reason: pool.get(record.id)?.reason ?? "unknown",
      cleanliness: record.cleanliness,
      notBefore: record.notBefore,
      use: this.#book.useUnlessOpen(record),
    }));
    const actions = planMaintenance(facts, driver.capabilities(), clock.now());
    for (const fact of facts) {
      const known = this.#book.records.get(fact.id)?.facts();
      const action = actions.find(({ id }) => id === fact.id)?.kind;
      if (known) this.#said.decided(fact, known, action);
    }
    for (const action of actions) {
      if (signal.aborted) return;
      const record = this.#book.records.get(action.id);
      if (record && !this.#locks.taken(action.id)) await this.#care(action, record);
    }
  }

  /** Under the device's lock, and only if that is still right by then. */
  #care(action: MaintenanceAction, record: UsageRecord): Promise<void> {
    return this.#locks.run(record.id, async () => {
      const open = await this.#book.look(record);
      const reason = this.#deps.pool.get(record.id)?.reason ?? "unknown";
      const wanted = maintenanceOf({ reason, cleanliness: record.cleanliness });
      const now = this.#book.use(record);
      if (wanted !== action.kind || !mayMaintain(action.kind, now, open)) return;
      // The attempt has told of itself, and the next one has its time.
      await this.#attempts.try(action, record).catch(() => undefined);
    });
  }

  #pollSoon(ms: number): void {
    this.#pollAt = Math.min(this.#pollAt, this.#deps.clock.now() + ms);
    this.#notify.notify();
  }

  #untilNextRound(): number {
    const now = this.#deps.clock.now();
    const due = [...this.#book.records.values()].flatMap((record) => {
      const { absentSince = Number.NEGATIVE_INFINITY } = record.facts();
      return [absentSince + this.#times.graceMs, record.notBefore].filter((at) => at > now);
    });
    return Math.max(0, Math.min(this.#pollAt, ...due) - now);
  }
}
