import { type BackoffOptions, backoffDelay } from "../../common/backoff.ts";
import type { Clock } from "../../common/clock.ts";
import { Notify } from "../../common/notify.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { EnsureReport, VideoDriver } from "../../drivers/driver.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { UsageTracker } from "../usage/usage-tracker.ts";
import type { DriverQueue, DriverTurn } from "./driver-queue.ts";
import type { InspectionLog } from "./inspection-log.ts";
import type { MaintenanceRecords } from "./maintenance-record.ts";

export interface MonitorOptions {
  /** Longest time between two inspections, ms. */
  readonly intervalMs: number;
  /** Waits between attempts to create missing devices. Default 1 s to 60 s. */
  readonly ensureBackoff?: BackoffOptions;
}

export interface MonitorDeps {
  readonly driver: Pick<VideoDriver, "watch">;
  readonly queue: DriverQueue;
  readonly inventory: Pick<Inventory, "needsEnsure" | "nextReview">;
  readonly usage: Pick<UsageTracker, "created" | "free" | "has" | "owned" | "subscribe">;
  readonly records: MaintenanceRecords;
  readonly clock: Clock;
  readonly events: InspectionLog;
  /** In [0, 1). */
  readonly random: () => number;
}

/**
 * Inspects the devices on a timer and when notified, and has the driver create what is missing, with backoff while
 * that fails. The timer finds everything; notifications only make it quicker.
 */
export class DeviceMonitor {
  readonly #options: MonitorOptions;
  readonly #deps: MonitorDeps;
  readonly #notify = new Notify();
  readonly #firstInspection = Promise.withResolvers<void>();
  #started = false;
  #ensureWanted = true;
  #ensureFailures = 0;
  #ensureNotBefore = 0;
  #trouble: PluginError | undefined;
  /** As of the last inspection. */
  #owned: ReadonlySet<string> = new Set();

  constructor(options: MonitorOptions, deps: MonitorDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Resolves after the first inspection that followed the first attempt to create the devices. */
  get ready(): Promise<void> {
    return this.#firstInspection.promise;
  }

  /** Why devices could not be created, at the last attempt; undefined if all of them were. */
  get trouble(): PluginError | undefined {
    return this.#trouble;
  }

  /** Asks for an inspection now. Does not wait for it. */
  readonly inspectSoon = (): void => this.#notify.notify();

  /** Asks for a full round now: create what is missing, set mode and group, inspect. */
  readonly reinspectAll = (): void => {
    this.#ensureWanted = true;
    this.#ensureNotBefore = 0;
    // An operator who asks wants to read of trouble, known or not.
    this.#deps.events.forget();
    this.#notify.notify();
  };

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { driver, queue, usage, clock } = this.#deps;
    driver.watch(this.#notify.notify, signal);
    // A kubelet may answer late which devices pods own.
    const isNew = (id: string) => !usage.has(id) && !this.#owned.has(id);
    const end = usage.subscribe(() => [...usage.owned()].some(isNew) && this.#notify.notify());
    signal.addEventListener("abort", end, { once: true });
    while (!signal.aborted) {
      await queue.run({ what: "a round of ensuring and inspecting" }, (turn) => this.#round(turn));
      this.#firstInspection.resolve();
      await this.#notify.wait(clock, this.#untilNextRound(), signal);
    }
  }

  /** Takes in which devices the driver created: they are clean, and this process may remove them. */
  created({ created }: EnsureReport): void {
    const { usage, records } = this.#deps;
    for (const id of created) {
      const record = records.get(id);
      if (record !== undefined) record.wasCreated = true;
    }
    usage.created(created);
  }

  async #round(turn: DriverTurn): Promise<void> {
    const { inventory, usage, clock } = this.#deps;
    // The first round creates before it inspects, so that the first list is not a list of missing devices.
    if (this.#started) {
      this.#owned = usage.owned();
      await turn.inspect({ free: usage.free(), owned: this.#owned });
      this.#ensureWanted ||= inventory.needsEnsure(usage.free());
    }
    this.#started = true;
    if (!this.#ensureWanted || clock.now() < this.#ensureNotBefore) return;
    const logFailures = await this.#ensure(turn);
    await turn.inspect();
    // Last, since it has the cause and the remedy of what the inspection saw.
    logFailures();
  }

  /** @returns what logs the failures. */
  async #ensure(turn: DriverTurn): Promise<() => void> {
    const { events, usage } = this.#deps;
    // A request that comes meanwhile asks for one more round: the one under way may already have ensured the device in question.
    this.#ensureWanted = false;
    try {
      const report = await turn.ensure({ recreatable: usage.free() });
      this.created(report);
      events.ensured(report, this.#ensureFailures > 0);
      const errors = report.failed.map(({ id, error }) => ({ id, error: PluginError.from(error) }));
      this.#settle(errors[0]?.error);
      return () => events.ensuresFailed(errors);
    } catch (reason) {
      const error = PluginError.from(reason);
      this.#settle(error);
      return () => events.ensureFailed(error);
    }
  }

  #settle(trouble: PluginError | undefined): void {
    const { clock, random, events } = this.#deps;
    const isDone = trouble === undefined;
    this.#trouble = trouble;
    this.#ensureFailures = isDone ? 0 : this.#ensureFailures + 1;
    this.#ensureWanted ||= !isDone;
    if (isDone) events.forget();
    const backoff = this.#options.ensureBackoff ?? { initialMs: 1000, maxMs: 60_000 };
    this.#ensureNotBefore = clock.now() + backoffDelay(this.#ensureFailures, backoff, random());
  }

  #untilNextRound(): number {
    const { inventory, clock } = this.#deps;
    const now = clock.now();
    const times = [
      now + this.#options.intervalMs,
      inventory.nextReview(),
      this.#ensureWanted ? this.#ensureNotBefore : undefined,
    ];
    return Math.max(0, Math.min(...times.map((at) => at ?? Number.POSITIVE_INFINITY)) - now);
  }
}
