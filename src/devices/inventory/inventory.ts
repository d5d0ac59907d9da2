import type { Clock } from "../../common/clock.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { type DeviceObservation, type DriverDevice, okObservation } from "../../drivers/driver.ts";
import { type NumberUsage, PodNumbers } from "../usage/pod-numbers.ts";
import type { UsageTracker } from "../usage/usage-tracker.ts";
import {
  type DeviceStatus,
  defaultFlapPolicy,
  flappingUntil,
  type HealthMemory,
  type HoldReason,
  nextHealth,
  unknownHealth,
} from "./device-status.ts";

/** One device's passage from one health or reason to another. */
export interface DeviceChange {
  readonly before: DeviceStatus;
  readonly after: DeviceStatus;
}

export type ChangeListener = (changes: readonly DeviceChange[]) => void;

export interface InventoryDeps {
  readonly usage: Pick<UsageTracker, "ignoresUserTraces" | "podOf" | "subscribe" | "useUnlessOpen">;
  /** The device numbers that pods may have. Default: none are known. */
  readonly numbers?: PodNumbers;
  readonly clock: Pick<Clock, "now">;
}

/**
 * A reset takes 30 ms, or up to 2 s while udev probes the new node (v4l2loopback REMOVE: EBUSY). Another process that
 * resets or checks a device locks it meanwhile, which looks the same as what a killed one has left behind: only a
 * fault that lasts longer, ms, is one that recreating the device may fix.
 */
export const faultDebounceMs = 5000;

/** Longest ID that the device plugin API allows, characters; a gRPC status that quotes a longer one may not fit its header. */
const maxIdLength = 63;

/** All that is known of one device, to decide its status. */
interface Entry {
  device: DriverDevice;
  observation: DeviceObservation | undefined;
  readonly holds: Map<HoldReason, string>;
  health: HealthMemory;
}

/**
 * Which devices there are, and how healthy. It keeps the last observation of each, so that a hold, its end, or a
 * change of use counts at once.
 *
 * The set of IDs never shrinks in the inventory's life: an ID that leaves the kubelet's list while an Allocate is in
 * flight is a nil dereference in kubelets 1.34 to 1.36, and a partial list makes the node's capacity jump. Being in
 * use is not health; the kubelet keeps account of that.
 */
export class Inventory {
  readonly #entries = new Map<string, Entry>();
  /** Also of devices that the driver has not found yet: an operator may have cordoned one before it was unplugged. */
  readonly #holds = new Map<string, Map<HoldReason, string>>();
  readonly #listeners = new Set<ChangeListener>();
  readonly #usage: InventoryDeps["usage"];
  readonly #numbers: PodNumbers;
  readonly #clock: Pick<Clock, "now">;

  constructor(
    devices: readonly DriverDevice[],
    { usage, clock, numbers = new PodNumbers() }: InventoryDeps,
  ) {
    this.#usage = usage;
    this.#numbers = numbers;
    this.#clock = clock;
    this.adopt(devices);
    usage.subscribe((ids) => this.#refresh(ids));
    // A number that a pod may have concerns every other device.
    numbers.subscribe(() => this.#update([...this.#entries.keys()]));
  }

  /** Takes in what the driver knows of its devices now: further ones, and other numbers. */
  adopt(devices: readonly DriverDevice[]): void {
    for (const device of devices) {
      const entry = this.#entries.get(device.id);
      if (entry !== undefined) entry.device = device;
      else this.#entries.set(device.id, this.#newEntry(device));
    }
  }

  /** Every device, always all of them, in the driver's order. */
  list(): DeviceStatus[] {
    return [...this.#entries.values()].map(statusOf);
  }

  get(id: string): DeviceStatus | undefined {
    const entry = this.#entries.get(id);
    return entry && statusOf(entry);
  }

  /** @throws PluginError `device_unknown`. */
  require(id: string): DeviceStatus {
    const device = this.get(id);
    if (device !== undefined) return device;
    const shown = id.slice(0, maxIdLength);
    throw new PluginError("device_unknown", `${shown} is not one of this node's devices.`);
  }

  /** Takes in what an inspection saw. Observations of other devices are ignored. */
  observe(observations: readonly DeviceObservation[]): void {
    for (const observation of observations) {
      const entry = this.#entries.get(observation.id);
      if (entry !== undefined) entry.observation = observation;
    }
    this.#refresh(observations.flatMap(({ id }) => (this.#entries.has(id) ? [id] : [])));
  }

  /** The driver can't inspect any more, so that no device's last observation counts. */
  unobservable(detail: string): void {
    this.observe(
      [...this.#entries.keys()].map((id) => ({
        ...okObservation(id),
        ...{ state: "unavailable", reason: "unobservable", detail },
      })),
    );
  }

  /**
   * Holds a device that works out of the offer, until every hold on it is released; other trouble shows through. A
   * further hold for the same reason replaces the first.
   *
   * @param detail One sentence for people.
   */
  hold(id: string, reason: HoldReason, detail: string): void {
    this.#holdsFor(id).set(reason, detail);
    this.#update([id]);
  }

  release(id: string, reason: HoldReason): void {
    if (this.#holds.get(id)?.delete(reason)) this.#update([id]);
  }

  /** What identifies each device that exists, by ID, from the last inspection. */
  identities(): Map<string, string> {
    return new Map(
      [...this.#entries].flatMap(([id, { observation }]) => {
        const identity = observation?.identity ?? observation?.deviceNumber;
        return identity === undefined ? [] : [[id, identity] as const];
      }),
    );
  }

  isHeld(id: string, reason: HoldReason): boolean {
    return this.#holds.get(id)?.has(reason) ?? false;
  }

  /**
   * Calls `listener` with the devices whose health or reason changed, once for each event that changed some.
   *
   * @returns the way to unsubscribe.
   */
  subscribe(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Major and minor of each of the device's nodes, `81:0`, from the last inspection; empty if it has none. */
  numbersOf(id: string): readonly string[] {
    return numbersIn(this.#entries.get(id)?.observation);
  }

  /**
   * An operator says that no container has this number of the device from another one, as far as the kubelet does not
   * know better: the device is no longer held as `minor_in_use` for it.
   *
   * @returns the IDs of the devices whose pods had been taken to have it.
   */
  releaseNumber(id: string, number: string): readonly string[] {
    const isReleased = (other: string) =>
      other !== id && this.#usageOf(other).useUnlessOpen(other) !== "in_use";
    const others = this.#numbers.devicesOf(number).filter(isReleased);
    if (others.length > 0) this.#numbers.forget(number, others);
    return others;
  }

  /**
   * True if `ensure` of the driver could help: something is missing that it creates, a fault has lasted, or a node
   * has lost its mode or group.
   *
   * @param free IDs of the devices that are known to be free.
   */
  needsEnsure(free: ReadonlySet<string>): boolean {
    const now = this.#clock.now();
    return [...this.#entries.values()].some(({ device, observation, health }) => {
      if (observation === undefined) return false;
      const { state, fix, accessLost, disruptive } = observation;
      const mayRecreate = !disruptive || free.has(device.id);
      const isCreatable = state === "unavailable" && fix === "recreate" && mayRecreate;
      const lasts = health.faultySince !== undefined && now - health.faultySince >= faultDebounceMs;
      return isCreatable || lasts || accessLost === true;
    });
  }

  /** The soonest time at which an inspection alone could change something, ms since the epoch; undefined if none could. */
  nextReview(): number | undefined {
    const now = this.#clock.now();
    const times = [...this.#entries.values()].flatMap(({ health }) => {
      const lastsAt = (health.faultySince ?? Number.NEGATIVE_INFINITY) + faultDebounceMs;
      return [flappingUntil(health, defaultFlapPolicy) ?? [], lastsAt > now ? lastsAt : []].flat();
    });
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #newEntry(device: DriverDevice): Entry {
    const health = unknownHealth(this.#clock.now());
    return { device, observation: undefined, holds: this.#holdsFor(device.id), health };
  }

  #holdsFor(id: string): Map<HoldReason, string> {
    const holds = this.#holds.get(id) ?? new Map<HoldReason, string>();
    this.#holds.set(id, holds);
    return holds;
  }

  /** Takes in the use or the observations of devices. */
  #refresh(ids: readonly string[]): void {
    // A device that this usage only follows may have become another driver's.
    const known = ids.filter((id) => this.#usageOf(id) === this.#usage);
    this.#numbers.update(
      known.map((id) => ({
        id,
        use: this.#usage.useUnlessOpen(id),
        current: this.numbersOf(id),
      })),
    );
    this.#update(ids);
  }

  #update(ids: readonly string[]): void {
    const now = this.#clock.now();
    const changes: DeviceChange[] = [];
    for (const entry of ids.flatMap((id) => this.#entries.get(id) ?? [])) {
      const before = statusOf(entry);
      const ignoresUserTraces = this.#usage.ignoresUserTraces(entry.device.id);
      const holds = this.#holdsOf(entry);
      const inputs = { observation: entry.observation, holds, ignoresUserTraces };
      entry.health = nextHealth(entry.health, inputs, now, defaultFlapPolicy);
      if (entry.health.reason !== before.reason) changes.push({ before, after: statusOf(entry) });
    }
    if (changes.length > 0) for (const listener of [...this.#listeners]) listener(changes);
  }

  /** Knows the use of a device, which may be another driver's. */
  #usageOf(id: string): Pick<NumberUsage, "podOf" | "useUnlessOpen"> {
    return this.#numbers.usageOf(id) ?? this.#usage;
  }

  /** The holds that others have set, and those that follow from the use of the devices. */
  #holdsOf({
    device: { id, cleaning },
    observation,
    holds,
  }: Entry): ReadonlyMap<HoldReason, string> {
    const all = new Map(holds);
    const { pod, otherResource } = this.#usage.podOf(id) ?? {};
    if (otherResource !== undefined) {
      all.set("other_resource", `The pod ${pod} owns it under the resource name ${otherResource}.`);
    }
    for (const number of numbersIn(observation)) {
      const other = this.#numbers.otherDeviceOf(id, number);
      if (other === undefined) continue;
      const { pod: owner } = this.#usageOf(other).podOf(other) ?? {};
      const who = owner === undefined ? `A pod that was allocated ${other}` : `The pod ${owner}`;
      const remedy =
        owner === undefined && cleaning === "reset"
          ? `; if none has, release it: video-device-plugin reset --force ${id}`
          : "";
      all.set(
        "minor_in_use",
        `${who} may still have its device number ${number}, which ${other} had before${remedy}.`,
      );
    }
    return all;
  }
}

function numbersIn(observation: DeviceObservation | undefined): readonly string[] {
  const { deviceNumber, otherNumbers = [] } = observation ?? {};
  return deviceNumber === undefined ? otherNumbers : [deviceNumber, ...otherNumbers];
}

function statusOf({ device, observation, health }: Entry): DeviceStatus {
  const { reason, detail, fix, since } = health;
  return {
    ...device,
    health: health.health,
    reason,
    detail,
    fix,
    since,
    format: observation?.format ?? "",
    ...(observation?.signal && { signal: observation.signal }),
  };
}
