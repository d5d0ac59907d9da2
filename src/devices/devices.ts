import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import type { DriverDevice, VideoDriver } from "../drivers/driver.ts";
import { Inventory } from "./inventory/inventory.ts";
import { AllocationGuard } from "./maintenance/allocation-guard.ts";
import { DriverQueue } from "./maintenance/driver-queue.ts";
import { HeldDevices } from "./maintenance/held-devices.ts";
import { InspectionLog } from "./maintenance/inspection-log.ts";
import { Maintenance } from "./maintenance/maintenance.ts";
import type { MaintenanceKind } from "./maintenance/maintenance-plan.ts";
import { type MaintenanceRecord, newRecord } from "./maintenance/maintenance-record.ts";
import type { MaintenanceTimes } from "./maintenance/maintenance-times.ts";
import { DeviceMonitor } from "./maintenance/monitor.ts";
import { type MaintenanceObserver, MaintenanceRunner } from "./maintenance/run-maintenance.ts";
import { PodNumbers } from "./usage/pod-numbers.ts";
import { type PreferenceRequest, preferredDevices } from "./usage/preferred-devices.ts";
import { type DeviceUse, isUnlisted, type Ownership } from "./usage/usage.ts";
import type { UsageSource } from "./usage/usage-source.ts";
import { type Cleanliness, UsageTracker } from "./usage/usage-tracker.ts";

export interface DevicesDeps {
  readonly driver: VideoDriver;
  /** Knows which devices pods own. */
  readonly source: UsageSource;
  readonly clock: Clock;
  readonly log: Logger;
  /** In [0, 1). */
  readonly random: () => number;
  readonly times: MaintenanceTimes;
  /** Longest time between two inspections, ms. */
  readonly inspectIntervalMs: number;
  readonly observer?: DevicesObserver;
  /** The device numbers that pods may have, if other drivers of the process share them. */
  readonly numbers?: PodNumbers;
}

export interface DevicesObserver extends MaintenanceObserver {
  /** Called after each inspection; `ms`: how long it took. */
  inspected(ms: number): void;
}

/** Who uses a device and what the plugin does to it, for people and metrics. */
export interface DeviceActivity {
  readonly id: string;
  readonly use: DeviceUse;
  readonly cleanliness: Cleanliness;
  /** True if it was allocated, and the kubelet has listed it for no pod since. */
  readonly unlisted?: boolean;
  /** By this process, and successful. */
  readonly resets: number;
  readonly repairs: number;
  /** The reset or repair under way; it does not show as health. */
  readonly work?: MaintenanceKind | undefined;
  /** Since when a pod has owned it; undefined if none does, or if that isn't known. */
  readonly ownership?: Ownership | undefined;
}

/** The devices of one driver: which there are, how healthy, who uses them, and what keeps them clean. */
export class Devices {
  readonly inventory: Inventory;
  readonly usage: UsageTracker;
  /** The device numbers that pods may have. */
  readonly numbers: PodNumbers;
  readonly queue: DriverQueue;
  readonly monitor: DeviceMonitor;
  readonly maintenance: Maintenance;
  readonly guard: AllocationGuard;
  /** One for each device, for the life of the process. */
  readonly #records = new Map<string, MaintenanceRecord>();

  constructor({ inspectIntervalMs, numbers = new PodNumbers(), ...deps }: DevicesDeps) {
    const { driver, clock, log, observer } = deps;
    const { devices } = driver;
    const events = new InspectionLog(log, clock);
    const usage = new UsageTracker({ ...deps, devices });
    numbers.join(usage);
    const inventory = new Inventory(devices, { usage, clock, numbers });
    inventory.subscribe(events.changed);
    const onInspected = observer && ((ms: number) => observer.inspected(ms));
    const adopt = (found: readonly DriverDevice[]) => {
      const known = new Set(records.keys());
      usage.adopt(found);
      inventory.adopt(found);
      for (const { id } of found) if (!known.has(id)) records.set(id, newRecord());
      const more = found.filter(({ id }) => !known.has(id));
      if (more.length > 0) events.found(more);
    };
    const queue = new DriverQueue({ ...deps, inventory, events, onInspected, adopt });
    const records = this.#records;
    for (const { id } of devices) records.set(id, newRecord());
    const runner = new MaintenanceRunner({ ...deps, inventory, usage, records });
    const held = new HeldDevices({ ...deps, inventory, usage, queue });
    const parts = { ...deps, inventory, usage, queue, records, runner, events, held };
    this.inventory = inventory;
    this.usage = usage;
    this.numbers = numbers;
    this.queue = queue;
    this.monitor = new DeviceMonitor({ intervalMs: inspectIntervalMs }, parts);
    this.maintenance = new Maintenance(parts);
    this.guard = new AllocationGuard({ ...parts, monitor: this.monitor });
  }

  /** Which devices the kubelet should allocate. */
  preferred(question: PreferenceRequest): string[] {
    return preferredDevices(question, (id) => this.usage.lastRequested(id));
  }

  activity(): DeviceActivity[] {
    return [...this.#records].map(([id, { resets, repairs }]) => ({
      ...{ id, resets, repairs },
      use: this.usage.use(id),
      cleanliness: this.usage.cleanliness(id),
      work: this.queue.maintenanceOf(id),
      ownership: this.usage.ownership(id),
      unlisted: isUnlisted(this.usage.facts(id)),
    }));
  }
}
