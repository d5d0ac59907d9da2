import { type BackoffOptions, backoffDelay } from "../../common/backoff.ts";
import { asClause } from "../../common/clause.ts";
import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import { Mutex } from "../../common/mutex.ts";
import { Notify } from "../../common/notify.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { withTimeout } from "../../common/with-timeout.ts";
import type { EnsureReport, VideoDriver } from "../../drivers/driver.ts";
import type { Sight } from "../inventory/device-status.ts";
import { FaultDebounce } from "../inventory/fault-debounce.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { MonitorLog } from "./inspection-log.ts";
import type { MaintenanceAction } from "./maintenance-plan.ts";

export interface MonitorOptions {
  /** Longest time between two inspections, ms. */
  readonly intervalMs: number;
  /** Waits between attempts to make missing devices. Default 1 s to 60 s. */
  readonly ensureBackoff?: BackoffOptions;
  /** How long a reset or a repair may keep inspections waiting, ms. Default 5 s. */
  readonly workLimitMs?: number;
}

export interface MonitorDeps {
  readonly driver: VideoDriver;
  readonly pool: Inventory;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Told how long each inspection took, ms. */
  readonly onInspected?: (ms: number) => void;
  /** Told what a driver's `ensure` has made and found. */
  readonly onEnsured?: (report: EnsureReport) => void;
  /** Whether a writer's mark that nobody holds is no trouble of this device. Default: of none. */
  readonly excusesMark?: (id: string) => boolean;
  /** Whether a device that is there may be taken down and made anew. Default: any. */
  readonly mayRemake?: (id: string) => boolean;
}

/** Inspections in a row that may fail before nobody is told any more that the devices are healthy. */
const toleratedFailures = 3;

/**
 * Whether making devices anew could help: something is missing that a driver's `ensure` provides, is in the
 * wrong place and may be moved, or has a fault that lasts.
 */
export function needsEnsure(
  observations: readonly Pick<Sight, "id" | "state" | "accessLost">[],
  mayRemake: (id: string) => boolean = () => true,
  lasts: (id: string) => boolean = () => true,
): boolean {
  return observations.some(
    ({ id, state, accessLost }) =>
      state === "missing" ||
      state === "module_gone" ||
      accessLost === true ||
      (state === "wrong_number" && mayRemake(id)) ||
      (state === "faulty" && lasts(id)),
  );
}

/** A reset takes 30 ms, or up to 2 s while udev probes the new node (v4l2loopback REMOVE: EBUSY). */
const defaultWorkLimitMs = 5000;

/**
 * Looks at the devices on a timer and when notified, tells the pool, and has the driver make what is
 * missing, backing off while that fails. The timer is the truth; nudges only make it quicker.
 */
export class DeviceMonitor {
  readonly #options: MonitorOptions;
  readonly #deps: MonitorDeps;
  readonly #said: MonitorLog;
  readonly #workLimitMs: number;
  readonly #faults: FaultDebounce;
  readonly #notify = new Notify();
  readonly #mutex = new Mutex();
  /** What holds the mutex, and since when. */
  #busy: { readonly what: string; readonly since: number } | undefined;
  /** Inspections in a row that failed. */
  #unseen = 0;
  readonly #firstLook = Promise.withResolvers<void>();
  #started = false;
  #ensureWanted = true;
  #ensureFailures = 0;
  #ensureNotBefore = 0;
  /** Why devices could not be made, the last time that was tried. */
  #trouble: PluginError | undefined;
  /** What is being done to devices, for longer than the limit if it hangs. */
  readonly #works = new Map<string, MaintenanceAction["kind"]>();

  constructor(options: MonitorOptions, deps: MonitorDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#said = new MonitorLog(deps.log, deps.clock);
    this.#workLimitMs = options.workLimitMs ?? defaultWorkLimitMs;
    // What a reset of ours may take is given to those of others.
    this.#faults = new FaultDebounce(this.#workLimitMs);
  }

  /** Resolves after the first inspection that followed the first attempt to make the devices. */
  get ready(): Promise<void> {
    return this.#firstLook.promise;
  }

  /** Asks for an inspection now. Does not wait for it. */
  readonly inspectSoon = (): void => this.#notify.notify();

  /** Asks for a full round now: make what is missing, apply mode and group, inspect. */
  readonly reinspectAll = (): void => {
    this.#ensureWanted = true;
    this.#ensureNotBefore = 0;
    // Whoever asks wants to hear of trouble, known or not.
    this.#said.forget();
    this.#notify.notify();
  };

  /** Inspects now and resolves when the pool knows the result. */
  inspect(): Promise<void> {
    return this.#locked("an inspection", async () => {
      await this.#inspect();
    });
  }

  /**
   * Resets one device while no inspection can see it half-way, then inspects.
   * @throws PluginError as the driver's `reset`; `timed_out`; `device_hangs` while an earlier one is under way.
   */
  reset(id: string): Promise<void> {
    return this.#work(id, "reset", () => this.#deps.driver.reset(id));
  }

  /** Repairs one device, as {@link reset} resets it. */
  repair(id: string): Promise<void> {
    return this.#work(id, "repair", () => this.#deps.driver.repair(id));
  }

  /** The reset or repair of the device that is under way; undefined if there is none. */
  readonly workOn = (id: string): MaintenanceAction["kind"] | undefined => this.#works.get(id);

  #work(id: string, what: MaintenanceAction["kind"], work: () => Promise<void>): Promise<void> {
    return this.#locked(`the ${what} of ${id}`, async () => {
      if (this.#works.has(id)) {
        throw new PluginError(
          "device_hangs",
          `An earlier reset or repair of ${id} has not come back.`,
          { remedy: "See the kernel's log on the host: dmesg | tail" },
        );
      }
      this.#works.set(id, what);
      const going = work().finally(() => this.#works.delete(id));
      try {
        await withTimeout(this.#deps.clock, going, this.#workLimitMs, `The ${what} of ${id}`);
      } finally {
        await this.#inspect();
      }
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { driver, clock } = this.#deps;
    driver.watch(this.#notify.notify, signal);
    while (!signal.aborted) {
      await this.#locked("a round of making and looking", () => this.#round());
      this.#firstLook.resolve();
      await this.#notify.wait(clock, this.#untilNextRound(), signal);
    }
  }

  /** What the driver is at and for how long, ms; undefined if it is idle. Long means that it hangs. */
  busy(): { readonly what: string; readonly ms: number } | undefined {
    if (this.#busy === undefined) return undefined;
    return { what: this.#busy.what, ms: this.#deps.clock.now() - this.#busy.since };
  }

  /** Why devices could not be made, at the last attempt; undefined if all of them were. */
  get trouble(): PluginError | undefined {
    return this.#trouble;
  }

  #locked<T>(what: string, task: () => Promise<T>): Promise<T> {
    return this.#mutex.run(async () => {
      this.#busy = { what, since: this.#deps.clock.now() };
      try {
        return await task();
      } finally {
        this.#busy = undefined;
      }
    });
  }

  async #round(): Promise<void> {
    // The first round makes before it looks, so that the first list is not a list of missing devices.
    if (this.#started) {
      const observations = await this.#inspect();
      const lasts = (id: string) => this.#faults.lasts(id, this.#deps.clock.now());
      this.#ensureWanted ||= needsEnsure(observations, this.#deps.mayRemake, lasts);
    }
    this.#started = true;
    if (!this.#ensureWanted || this.#deps.clock.now() < this.#ensureNotBefore) return;
    const tell = await this.#ensure();
    await this.#inspect();
    // Last, since it has the cause and the remedy of what was seen.
    tell();
  }

  async #inspect(): Promise<readonly Sight[]> {
    const { pool, clock, onInspected } = this.#deps;
    const started = performance.now();
    const seen = await this.#look();
    const observations = seen.map((sight) => this.#excused(sight));
    this.#faults.seen(observations, clock.now());
    this.#said.changed(pool.apply(observations));
    onInspected?.(performance.now() - started);
    return observations;
  }

  #excused(sight: Sight): Sight {
    const isExcused = sight.state === "stuck_writer" && this.#deps.excusesMark?.(sight.id) === true;
    return isExcused ? { ...sight, state: "ok", detail: "" } : sight;
  }

  /** What the driver sees; if it can't look, nothing new at first, and then that it can't. */
  async #look(): Promise<readonly Sight[]> {
    const { driver } = this.#deps;
    try {
      const observations = await driver.inspect();
      this.#unseen = 0;
      return observations;
    } catch (reason) {
      const error = PluginError.from(reason);
      this.#unseen += 1;
      if (this.#unseen === 1) this.#said.unseen(error, toleratedFailures);
      if (this.#unseen < toleratedFailures) return [];
      const detail = `It could not be inspected ${this.#unseen} times in a row: ${asClause(error.message)}.`;
      return driver.devices.map(({ id }) => ({ id, state: "unobservable" as const, detail }));
    }
  }

  /** @returns what tells of the failures. */
  async #ensure(): Promise<() => void> {
    const { driver, onEnsured } = this.#deps;
    // Wanted again meanwhile is wanted once more: what is under way may have passed the spot.
    this.#ensureWanted = false;
    try {
      const made = await driver.ensure(this.#deps.mayRemake);
      onEnsured?.(made);
      this.#said.setUp(made, this.#ensureFailures > 0);
      const errors = made.failed.map(({ id, error }) => ({ id, error: PluginError.from(error) }));
      this.#settle(errors[0]?.error);
      return () => {
        for (const { id, error } of errors) this.#said.notSetUp(error, id);
      };
    } catch (reason) {
      const error = PluginError.from(reason);
      this.#settle(error);
      return () => this.#said.notSetUp(error);
    }
  }

  #settle(trouble: PluginError | undefined): void {
    const { clock, random } = this.#deps;
    const succeeded = trouble === undefined;
    this.#trouble = trouble;
    this.#ensureFailures = succeeded ? 0 : this.#ensureFailures + 1;
    this.#ensureWanted ||= !succeeded;
    if (succeeded) this.#said.forget();
    const backoff = this.#options.ensureBackoff ?? { initialMs: 1000, maxMs: 60_000 };
    this.#ensureNotBefore = clock.now() + backoffDelay(this.#ensureFailures, backoff, random());
  }

  #untilNextRound(): number {
    const now = this.#deps.clock.now();
    const times = [
      now + this.#options.intervalMs,
      this.#deps.pool.nextReview(),
      this.#faults.nextReview(now),
      this.#ensureWanted ? this.#ensureNotBefore : undefined,
    ];
    return Math.max(0, Math.min(...times.map((at) => at ?? Number.POSITIVE_INFINITY)) - now);
  }
}
