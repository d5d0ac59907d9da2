import { type BackoffOptions, backoffDelay } from "../common/backoff.ts";
import { asClause } from "../common/clause.ts";
import type { Clock } from "../common/clock.ts";
import { Mutex } from "../common/mutex.ts";
import { Nudge } from "../common/nudge.ts";
import { PluginError } from "../common/plugin-error.ts";
import { within } from "../common/within.ts";
import type { Logger } from "../observe/logger.ts";
import type { EnsureReport, VideoDriver } from "../v4l2/driver.ts";
import type { Sight } from "./health.ts";
import { outlook } from "./outlook.ts";
import type { DevicePool } from "./pool.ts";

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
  readonly pool: DevicePool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Told how long each inspection took, ms. */
  readonly onInspected?: (ms: number) => void;
  /** Told what a driver's `ensure` has made and found. */
  readonly onEnsured?: (report: EnsureReport) => void;
  /** Whether a device that is there may be taken down and made anew. Default: any. */
  readonly mayRemake?: (id: string) => boolean;
}

/** Inspections in a row that may fail before nobody is told any more that the devices are healthy. */
const toleratedFailures = 3;

/** How often trouble that goes on is told again at full volume, ms: a log is rotated, or read from its end. */
const reminderMs = 600_000;

/**
 * Whether making devices anew could help: something is missing that a driver's `ensure` provides, or is
 * in the wrong place and may be moved.
 */
export function needsEnsure(
  observations: readonly Pick<Sight, "id" | "state" | "accessLost">[],
  mayRemake: (id: string) => boolean = () => true,
): boolean {
  return observations.some(
    ({ id, state, accessLost }) =>
      state === "missing" ||
      state === "module_gone" ||
      accessLost === true ||
      (state === "wrong_number" && mayRemake(id)),
  );
}

/** A reset takes 30 ms, or up to 2 s while udev probes the new node (v4l2loopback REMOVE: EBUSY). */
const defaultWorkLimitMs = 5000;

/**
 * Looks at the devices on a timer and when nudged, tells the pool, and has the driver make what is
 * missing, backing off while that fails. The timer is the truth; nudges only make it quicker.
 */
export class DeviceMonitor {
  readonly #options: MonitorOptions;
  readonly #deps: MonitorDeps;
  readonly #nudge = new Nudge();
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
  /** What the current run of failures has been reported for, and when, ms since the epoch. */
  readonly #reported = new Map<string, number>();
  /** Why devices could not be made, the last time that was tried. */
  #trouble: PluginError | undefined;
  /** Devices whose reset or repair has not come back in time. */
  readonly #hanging = new Set<string>();

  constructor(options: MonitorOptions, deps: MonitorDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Resolves after the first inspection that followed the first attempt to make the devices. */
  get ready(): Promise<void> {
    return this.#firstLook.promise;
  }

  /** Asks for an inspection now. Does not wait for it. */
  readonly inspectSoon = (): void => this.#nudge.nudge();

  /** Asks for a full round now: make what is missing, apply mode and group, inspect. */
  readonly reinspectAll = (): void => {
    this.#ensureWanted = true;
    this.#ensureNotBefore = 0;
    // Whoever asks wants to hear of trouble, known or not.
    this.#reported.clear();
    this.#nudge.nudge();
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

  #work(id: string, what: string, work: () => Promise<void>): Promise<void> {
    const limitMs = this.#options.workLimitMs ?? defaultWorkLimitMs;
    return this.#locked(`the ${what} of ${id}`, async () => {
      if (this.#hanging.has(id)) {
        throw new PluginError(
          "device_hangs",
          `An earlier reset or repair of ${id} has not come back.`,
          { remedy: "See the kernel's log on the host: dmesg | tail" },
        );
      }
      this.#hanging.add(id);
      const going = work().finally(() => this.#hanging.delete(id));
      try {
        await within(this.#deps.clock, going, limitMs, `The ${what} of ${id}`);
      } finally {
        await this.#inspect();
      }
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { driver, clock } = this.#deps;
    driver.watch(this.#nudge.nudge, signal);
    while (!signal.aborted) {
      await this.#locked("a round of making and looking", () => this.#round());
      this.#firstLook.resolve();
      await this.#nudge.wait(clock, this.#untilNextRound(), signal);
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
      this.#ensureWanted ||= needsEnsure(observations, this.#deps.mayRemake);
    }
    this.#started = true;
    if (!this.#ensureWanted || this.#deps.clock.now() < this.#ensureNotBefore) return;
    const tell = await this.#ensure();
    await this.#inspect();
    // Last, since it has the cause and the remedy of what was seen.
    tell();
  }

  async #inspect(): Promise<readonly Sight[]> {
    const { pool, log, onInspected } = this.#deps;
    const started = performance.now();
    const observations = await this.#look();
    for (const { before, after } of pool.apply(observations)) {
      const fields = {
        device_id: after.id,
        device_path: after.hostPath,
        health: after.health,
        reason: after.reason,
        was: before.reason,
        ...(after.detail && { detail: after.detail }),
        next: outlook(after.reason),
      };
      // The first good look at a device is no event: "Devices set up" has told of it.
      const level = before.reason === "unknown" ? "debug" : "info";
      if (after.health === "Healthy") log[level]("Device healthy", fields);
      else log.warn("Device unhealthy", fields);
    }
    onInspected?.(performance.now() - started);
    return observations;
  }

  /** What the driver sees; if it can't look, nothing new at first, and then that it can't. */
  async #look(): Promise<readonly Sight[]> {
    const { driver, log } = this.#deps;
    try {
      const observations = await driver.inspect();
      this.#unseen = 0;
      return observations;
    } catch (reason) {
      const error = PluginError.from(reason);
      this.#unseen += 1;
      if (this.#unseen === 1) {
        log.error("Devices could not be inspected", {
          ...error.fields(),
          next: `what was seen last counts until ${toleratedFailures} looks in a row have failed`,
        });
      }
      if (this.#unseen < toleratedFailures) return [];
      const detail = `It could not be inspected ${this.#unseen} times in a row: ${asClause(error.message)}.`;
      return driver.devices.map(({ id }) => ({ id, state: "unobservable" as const, detail }));
    }
  }

  /** @returns what tells of the failures. */
  async #ensure(): Promise<() => void> {
    const { driver, log, onEnsured } = this.#deps;
    // Wanted again meanwhile is wanted once more: what is under way may have passed the spot.
    this.#ensureWanted = false;
    try {
      const made = await driver.ensure(this.#deps.mayRemake);
      const { created, adopted, failed } = made;
      onEnsured?.(made);
      const report = {
        created_device_ids: created,
        adopted_device_ids: adopted,
        failed_device_ids: failed.map(({ id }) => id),
        next:
          failed.length === 0
            ? "they are looked at, and offered if they are well"
            : "those that failed are tried again, ever more rarely",
      };
      // A retry that changed nothing is no event.
      const level = created.length > 0 || this.#ensureFailures === 0 ? "info" : "debug";
      log[level]("Devices set up", report);
      const errors = failed.map(({ id, error }) => ({ id, error: PluginError.from(error) }));
      this.#settle(errors[0]?.error);
      return () => {
        for (const { id, error } of errors) {
          this.#report("Device could not be set up", error, { device_id: id });
        }
      };
    } catch (reason) {
      const error = PluginError.from(reason);
      this.#settle(error);
      return () => this.#report("Devices could not be set up", error, {});
    }
  }

  /** The same trouble is told every ten minutes at full volume; other repetitions only at debug level. */
  #report(msg: string, error: PluginError, fields: Record<string, string>): void {
    const key = `${fields["device_id"] ?? ""} ${error.message}`;
    const now = this.#deps.clock.now();
    const last = this.#reported.get(key);
    const isDue = last === undefined || now - last >= reminderMs;
    const level = isDue ? "error" : "debug";
    if (isDue) this.#reported.set(key, now);
    const next = "it is tried again, ever more rarely";
    this.#deps.log[level](msg, { ...fields, ...error.fields(), next });
  }

  #settle(trouble: PluginError | undefined): void {
    const { clock, random } = this.#deps;
    const succeeded = trouble === undefined;
    this.#trouble = trouble;
    this.#ensureFailures = succeeded ? 0 : this.#ensureFailures + 1;
    this.#ensureWanted ||= !succeeded;
    if (succeeded) this.#reported.clear();
    const backoff = this.#options.ensureBackoff ?? { initialMs: 1000, maxMs: 60_000 };
    this.#ensureNotBefore = clock.now() + backoffDelay(this.#ensureFailures, backoff, random());
  }

  #untilNextRound(): number {
    const now = this.#deps.clock.now();
    const review = this.#deps.pool.nextReview();
    return Math.max(
      0,
      Math.min(
        this.#options.intervalMs,
        review === undefined ? Number.POSITIVE_INFINITY : review - now,
        this.#ensureWanted ? this.#ensureNotBefore - now : Number.POSITIVE_INFINITY,
      ),
    );
  }
}
