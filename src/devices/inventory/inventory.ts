import type { Clock } from "../../common/clock.ts";
import type { DriverDevice } from "../../drivers/driver.ts";
import {
  type DeviceStatus,
  defaultFlapPolicy,
  type FlapPolicy,
  type HealthRecord,
  type HoldReason,
  holdReasons,
  isHoldReason,
  judge,
  reviewAt,
  type Sight,
  unknownRecord,
} from "./device-status.ts";

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
export class Inventory {
  readonly #devices: readonly DriverDevice[];
  readonly #records: Map<string, HealthRecord>;
  /** By device, then by reason: each ends by itself. */
  readonly #holds = new Map<string, Map<HoldReason, Hold>>();
  readonly #formats = new Map<string, string>();
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
      this.#formats.set(observation.id, observation.format ?? "");
      const after = this.#status(before);
      if (after.health !== before.health || after.reason !== before.reason) {
        changes.push({ before, after });
      }
    }
    if (changes.length > 0) for (const listener of [...this.#listeners]) listener(changes);
    return changes;
  }

  /**
   * Takes a device that looks fine out of the offer, until every hold on it is released; other trouble shows
   * through. A further hold for the same reason replaces the first.
   */
  hold(id: string, hold: Hold): void {
    const device = this.get(id);
    if (device === undefined) return;
    const holds = this.#holds.get(id) ?? new Map<HoldReason, Hold>();
    this.#holds.set(id, holds.set(hold.reason, hold));
    const { reason, format } = device;
    if (reason === "ok" || reason === "flapping" || isHoldReason(reason)) {
      this.apply([{ id, state: "ok", detail: "", format }]);
    }
  }

  isHeld(id: string, reason: HoldReason): boolean {
    return this.#holds.get(id)?.has(reason) ?? false;
  }

  /** Ends the hold for this reason; the next inspection says what the device is worth. */
  release(id: string, reason: HoldReason): void {
    this.#holds.get(id)?.delete(reason);
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
    if (observation.state !== "ok") return observation;
    const holds = this.#holds.get(observation.id);
    const hold = holdReasons.map((reason) => holds?.get(reason)).find((held) => held !== undefined);
    return hold ? { state: hold.reason, detail: hold.detail } : observation;
  }

  #status(device: DriverDevice): DeviceStatus {
    const record = this.#records.get(device.id) ?? unknownRecord(this.#clock.now());
    const { health, reason, detail, since } = record;
    const { id, number, hostPath } = device;
    const format = this.#formats.get(id) ?? "";
    return { id, number, hostPath, health, reason, detail, since, format };
  }
}
