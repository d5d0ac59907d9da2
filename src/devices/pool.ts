import type { Clock } from "../common/clock.ts";
import type { DriverDevice } from "../v4l2/driver.ts";
import {
  type DeviceStatus,
  defaultFlapPolicy,
  type FlapPolicy,
  type HealthRecord,
  type HoldReason,
  judge,
  reviewAt,
  type Sight,
  unknownRecord,
} from "./health.ts";

/** One device's passage from one health or reason to another. */
export interface DeviceChange {
  readonly before: DeviceStatus;
  readonly after: DeviceStatus;
}

/** Why a device isn't offered although it looks fine. */
export interface Hold {
  readonly reason: HoldReason;
  /** One sentence for people. */
  readonly detail: string;
}

export type ChangeListener = (changes: readonly DeviceChange[]) => void;

/**
 * Who exists, and how healthy. The set of IDs is fixed for the pool's life: an ID that left the
 * kubelet's list while an Allocate is in flight is a nil dereference in kubelets 1.34 to 1.36, and a
 * partial list makes the node's capacity jump. Occupancy is not health and not kept here.
 */
export class DevicePool {
  readonly #devices: readonly DriverDevice[];
  readonly #records: Map<string, HealthRecord>;
  readonly #holds = new Map<string, Hold>();
  readonly #listeners = new Set<ChangeListener>();
  readonly #clock: Clock;
  readonly #policy: FlapPolicy;

  constructor(devices: readonly DriverDevice[], clock: Clock, policy = defaultFlapPolicy) {
    this.#devices = devices;
    this.#clock = clock;
    this.#policy = policy;
    this.#records = new Map(devices.map(({ id }) => [id, unknownRecord(clock.now())]));
  }

  /** Every device, always all of them, in ascending number. */
  list(): DeviceStatus[] {
    return this.#devices.map((device) => this.#status(device));
  }

  get(id: string): DeviceStatus | undefined {
    const device = this.#devices.find((candidate) => candidate.id === id);
    return device && this.#status(device);
  }

  /**
   * Takes in what an inspection saw. Listeners are called once, and only if some device's health or
   * reason changed. Observations of IDs that aren't the pool's are ignored.
   */
  apply(observations: readonly Sight[]): readonly DeviceChange[] {
    const now = this.#clock.now();
    const changes: DeviceChange[] = [];
    for (const observation of observations) {
      const before = this.get(observation.id);
      const record = this.#records.get(observation.id);
      if (before === undefined || record === undefined) continue;
      const seen = this.#seen(observation);
      this.#records.set(observation.id, judge(record, seen, now, this.#policy));
      const after = this.#status(before);
      if (after.health !== before.health || after.reason !== before.reason) {
        changes.push({ before, after });
      }
    }
    if (changes.length > 0) for (const listener of [...this.#listeners]) listener(changes);
    return changes;
  }

  /** Takes a device that looks fine out of the offer, until it is released; other trouble shows through. */
  hold(id: string, hold: Hold): void {
    this.#holds.set(id, hold);
    const { reason } = this.get(id) ?? {};
    if (reason === "ok" || reason === "flapping") this.apply([{ id, state: "ok", detail: "" }]);
  }

  /** Ends a hold; the next inspection says what the device is worth. */
  release(id: string): void {
    this.#holds.delete(id);
  }

  /** Returns the way to unsubscribe. */
  subscribe(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The soonest time at which an inspection alone could change some health; undefined if none could. */
  nextReview(): number | undefined {
    const times = [...this.#records.values()].flatMap(
      (record) => reviewAt(record, this.#policy) ?? [],
    );
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #seen(observation: Sight): { state: Sight["state"] | HoldReason; detail: string } {
    const hold = observation.state === "ok" ? this.#holds.get(observation.id) : undefined;
    return hold ? { state: hold.reason, detail: hold.detail } : observation;
  }

  #status(device: DriverDevice): DeviceStatus {
    const record = this.#records.get(device.id) ?? unknownRecord(this.#clock.now());
    const { health, reason, detail, since } = record;
    const { id, number, hostPath } = device;
    return { id, number, hostPath, health, reason, detail, since };
  }
}
