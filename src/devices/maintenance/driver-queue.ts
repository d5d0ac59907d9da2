import type { Clock } from "../../common/clock.ts";
import { Mutex } from "../../common/mutex.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { withTimeout } from "../../common/with-timeout.ts";
import type {
  DriverDevice,
  EnsureOptions,
  EnsureReport,
  InspectOptions,
  VideoDriver,
} from "../../drivers/driver.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { InspectionLog } from "./inspection-log.ts";
import type { MaintenanceKind } from "./maintenance-plan.ts";

export interface DriverQueueDeps {
  readonly driver: VideoDriver;
  readonly inventory: Pick<Inventory, "observe" | "unobservable">;
  readonly clock: Clock;
  readonly events: InspectionLog;
  /** Called with the driver's devices when it has others than before. */
  readonly adopt?: (devices: readonly DriverDevice[]) => void;
  /** Called with the duration of each inspection, ms. */
  readonly onInspected?: ((ms: number) => void) | undefined;
}

/** A piece of work at the driver. */
export interface Work {
  /** What it is, for `/healthz` and errors: `the reset of video10`. */
  readonly what: string;
  /** The devices it is about. */
  readonly devices?: readonly string[];
  /** How long the caller waits, for its turn and for the work, ms. Default: without end. */
  readonly timeoutMs?: number;
}

/** The driver, for the one piece of work whose turn it is. */
export interface DriverTurn {
  /** True once the caller no longer waits: the work should not begin anything more. */
  readonly isOver: boolean;
  /** Inspects all devices. */
  inspect(options?: InspectOptions): Promise<void>;
  /**
   * {@link VideoDriver.ensure}.
   * @throws PluginError as the driver; `device_hangs`.
   */
  ensure(options: EnsureOptions): Promise<EnsureReport>;
  /**
   * Resets or repairs a device, then inspects all.
   * @throws PluginError as the driver; `timed_out` after 5 s; `device_hangs` while earlier work has not come back.
   */
  maintain(kind: MaintenanceKind, id: string): Promise<void>;
  /** @throws PluginError as the driver; `device_hangs`. */
  remove(id: string): Promise<void>;
  /** @throws PluginError as the driver; `device_hangs`. */
  release(): Promise<void>;
  /** {@link VideoDriver.isOpen}; undefined if the driver fails or hangs. */
  isOpen(id: string): Promise<boolean | undefined>;
}

/** A reset takes 30 ms, or up to 2 s while udev probes the new node (v4l2loopback REMOVE: EBUSY). */
export const maintenanceLimitMs = 5000;

/** Inspections in a row that may fail before the last observations no longer count. */
const toleratedFailures = 3;

interface Running {
  readonly what: string;
  /** ms since the epoch. */
  readonly since: number;
}

/**
 * The only caller of what a driver must not do twice at once: one piece of work after the other, in the order asked for. What inspections observe goes
 * to the inventory. A reset or repair that does not come back keeps further changes from the driver, not inspections.
 */
export class DriverQueue {
  readonly #deps: DriverQueueDeps;
  readonly #mutex = new Mutex();
  #current: (Running & { readonly devices: readonly string[] }) | undefined;
  /** What did not come back within its limit. */
  #hanging: Running | undefined;
  /** The driver's devices at the last inspection. */
  #devices: readonly DriverDevice[];
  /** Failed inspections in a row. */
  #failures = 0;
  /** Resets and repairs under way, by device. */
  readonly #maintained = new Map<string, MaintenanceKind>();

  constructor(deps: DriverQueueDeps) {
    this.#deps = deps;
    this.#devices = deps.driver.devices;
  }

  /**
   * Runs a piece of work when its turn comes.
   *
   * @throws PluginError `timed_out` if `timeoutMs` are over: work that has not begun never begins, other work goes on.
   * What the work throws.
   */
  run<T>(work: Work, task: (turn: DriverTurn) => Promise<T>): Promise<T> {
    const { what, devices = [], timeoutMs } = work;
    const { clock } = this.#deps;
    const caller = {
      isWaiting: true,
      until: clock.now() + (timeoutMs ?? Number.POSITIVE_INFINITY),
    };
    const result = this.#mutex.run(async () => {
      // The caller is gone, so the value is never used.
      if (!caller.isWaiting) return undefined as T;
      this.#current = { what, since: clock.now(), devices };
      try {
        return await task(this.#turn(caller));
      } finally {
        this.#current = undefined;
      }
    });
    if (timeoutMs === undefined) return result;
    return withTimeout(clock, result, timeoutMs, capitalized(what)).finally(() => {
      caller.isWaiting = false;
    });
  }

  /** Inspects all devices when its turn comes. */
  inspect(options?: InspectOptions): Promise<void> {
    return this.run({ what: "an inspection" }, (turn) => turn.inspect(options));
  }

  /** Resolves when the work that was asked for before has been done. */
  idle(): Promise<void> {
    return this.run({ what: "a pause" }, async () => undefined);
  }

  /**
   * {@link VideoDriver.isOpen} at once, whatever has its turn; undefined if the driver fails, or is at work on the
   * device.
   */
  async isOpen(id: string): Promise<boolean | undefined> {
    if (this.#hanging !== undefined || this.isWorkingOn(id)) return undefined;
    return this.#deps.driver.isOpen(id).catch(() => undefined);
  }

  /**
   * {@link VideoDriver.confirm} at once, where the driver has it.
   * @throws PluginError as the driver.
   */
  async confirm(id: string): Promise<void> {
    await this.#deps.driver.confirm?.(id);
  }

  /** {@link VideoDriver.holders} at once; empty if the driver fails. */
  holders(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.#deps.driver.holders(ids).catch(() => new Map());
  }

  /** What the driver is at and for how long, ms; undefined if it is idle. Long means that it hangs. */
  busy(): { readonly what: string; readonly ms: number } | undefined {
    const running = this.#hanging ?? this.#current;
    return running && { what: running.what, ms: this.#deps.clock.now() - running.since };
  }

  /** True while work about the device has its turn, or hangs. */
  isWorkingOn(id: string): boolean {
    return this.#maintained.has(id) || this.#current?.devices.includes(id) === true;
  }

  /** The reset or repair of the device that is under way; undefined if there is none. */
  maintenanceOf(id: string): MaintenanceKind | undefined {
    return this.#maintained.get(id);
  }

  #turn(caller: { readonly isWaiting: boolean; readonly until: number }): DriverTurn {
    const { driver, clock } = this.#deps;
    const change = async <T>(call: () => Promise<T>): Promise<T> => {
      this.#refuseWhileHanging();
      return call();
    };
    return {
      get isOver() {
        return !caller.isWaiting;
      },
      inspect: (options) => this.#inspect(options),
      ensure: (options) => change(() => driver.ensure(options)),
      maintain: (kind, id) =>
        change(() => {
          const withinMs = Math.min(maintenanceLimitMs, Math.max(0, caller.until - clock.now()));
          return this.#maintain(kind, id, withinMs);
        }),
      remove: (id) => change(() => driver.remove(id)),
      release: () => change(() => driver.release()),
      isOpen: async (id) => {
        // Asking would lift the lock of a reset that has not come back.
        if (this.#hanging !== undefined) return undefined;
        return driver.isOpen(id).catch(() => undefined);
      },
    };
  }

  async #maintain(kind: MaintenanceKind, id: string, withinMs: number): Promise<void> {
    const { driver, clock } = this.#deps;
    const running: Running = { what: `the ${kind} of ${id}`, since: clock.now() };
    this.#maintained.set(id, kind);
    let isBack = false;
    const work = kind === "reset" ? driver.reset(id, { withinMs }) : driver.repair(id);
    const call = work.finally(() => {
      isBack = true;
      this.#maintained.delete(id);
      if (this.#hanging === running) this.#hanging = undefined;
    });
    try {
      await withTimeout(clock, call, maintenanceLimitMs, capitalized(running.what));
    } finally {
      if (!isBack) this.#hanging = running;
      await this.#inspect();
    }
  }

  /** Never rejects: at first the last observations count on, then the devices are unobservable. */
  async #inspect(options?: InspectOptions): Promise<void> {
    const { driver, inventory, events, onInspected, adopt } = this.#deps;
    const started = performance.now();
    try {
      const observations = await driver.inspect(options);
      if (driver.devices !== this.#devices) {
        this.#devices = driver.devices;
        adopt?.(this.#devices);
      }
      inventory.observe(observations);
      this.#failures = 0;
    } catch (reason) {
      const error = PluginError.from(reason);
      this.#failures += 1;
      if (this.#failures === 1) events.inspectionFailed(error, toleratedFailures);
      if (this.#failures >= toleratedFailures) {
        const why = error.message.replace(/\.$/, "");
        inventory.unobservable(
          `It could not be inspected ${this.#failures} times in a row: ${why}.`,
        );
      }
    }
    onInspected?.(performance.now() - started);
  }

  #refuseWhileHanging(): void {
    if (this.#hanging === undefined) return;
    throw new PluginError("device_hangs", `${capitalized(this.#hanging.what)} has not come back.`, {
      remedy: "See the kernel's log on the host: dmesg | tail",
    });
  }
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
