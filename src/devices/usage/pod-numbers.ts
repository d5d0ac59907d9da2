import type { PodDevice } from "../../common/pod-device.ts";
import type { DeviceUse } from "./usage.ts";

/** Device numbers (`81:0`) that containers of pods may have, by the ID of the device that the pod was allocated. */
export type NumbersByDevice = ReadonlyMap<string, ReadonlySet<string>>;

/** What is known of one device. */
export interface NumberFacts {
  readonly id: string;
  /** Its use by pods: a process that holds it open has a node of the host. */
  readonly use: DeviceUse;
  /** The numbers that its nodes have now; empty if it doesn't exist, or has none. */
  readonly current: readonly string[];
}

/** Knows the use of the devices of one driver, and who owns them. */
export interface NumberUsage {
  /** True if the device is one of the driver's. */
  has(id: string): boolean;
  /** True if its use is followed all the same. */
  tracks(id: string): boolean;
  podOf(id: string): PodDevice | undefined;
  useUnlessOpen(id: string): DeviceUse;
}

const none: ReadonlySet<string> = new Set();

/**
 * The numbers under which containers of a device's pod may have it. A container's node keeps the number that the
 * device had at the container's start. A pod's next container gets the number of then, so all numbers count that the
 * device has had while it may have been in use.
 *
 * Only proof ends that: the device is free (the kubelet has left it out for long enough, or asks for it again). Of a
 * device that the kubelet never listed (a plain init container's, or there is no answer) no time is proof, since that
 * container may still run. Then an operator can say so: {@link PodNumbers.forget}.
 */
export function nextNumbers(
  before: ReadonlySet<string>,
  { use, current }: NumberFacts,
): ReadonlySet<string> {
  if (use === "free" || (use === "unknown" && before.size === 0)) return none;
  return new Set([...before, ...current]);
}

/**
 * The device numbers that running pods may have. The kernel gives a new device the lowest minor that is free, so a
 * device that is removed and created again may get another one, and the next device gets its former one. A container
 * that has a node of that number then opens the other device: its device cgroup allows the number.
 *
 * All drivers of the process share it: the kernel gives out their devices' numbers alike.
 */
export class PodNumbers {
  #byDevice: NumbersByDevice = new Map();
  /** IDs of devices by number. */
  #byNumber: ReadonlyMap<string, readonly string[]> = new Map();
  readonly #listeners = new Set<() => void>();
  readonly #usages = new Set<NumberUsage>();

  /** Adds what knows the use of some devices. */
  join(usage: NumberUsage): void {
    this.#usages.add(usage);
  }

  /** What knows the use of a device best; undefined if nothing does. */
  usageOf(id: string): NumberUsage | undefined {
    const usages = [...this.#usages];
    return usages.find((usage) => usage.has(id)) ?? usages.find((usage) => usage.tracks(id));
  }

  get byDevice(): NumbersByDevice {
    return this.#byDevice;
  }

  /** Takes in what an earlier process knew. */
  restore(numbers: NumbersByDevice): void {
    const all = new Map(this.#byDevice);
    for (const [id, earlier] of numbers)
      all.set(id, new Set([...earlier, ...(all.get(id) ?? none)]));
    this.#changeTo(all);
  }

  /** Takes in what is known of devices now. */
  update(devices: readonly NumberFacts[]): void {
    const next = new Map(this.#byDevice);
    let isChanged = false;
    for (const device of devices) {
      const before = next.get(device.id) ?? none;
      const after = nextNumbers(before, device);
      if (after.size === before.size) continue;
      isChanged = true;
      if (after.size === 0) next.delete(device.id);
      else next.set(device.id, after);
    }
    if (isChanged) this.#changeTo(next);
  }

  /** The ID of another device whose pod may have this number; undefined if there is none. */
  otherDeviceOf(id: string, number: string): string | undefined {
    return this.devicesOf(number).find((other) => other !== id);
  }

  /** IDs of the devices whose pods may have this number. */
  devicesOf(number: string): readonly string[] {
    return this.#byNumber.get(number) ?? [];
  }

  /** Takes in that no pod of these devices has this number, by an operator's word. */
  forget(number: string, ids: readonly string[]): void {
    const next = new Map(this.#byDevice);
    for (const id of ids) {
      const left = new Set(next.get(id));
      left.delete(number);
      if (left.size === 0) next.delete(id);
      else next.set(id, left);
    }
    this.#changeTo(next);
  }

  /** Calls `listener` after every change. */
  subscribe(listener: () => void): void {
    this.#listeners.add(listener);
  }

  #changeTo(numbers: NumbersByDevice): void {
    this.#byDevice = numbers;
    const pairs = [...numbers].flatMap(([id, all]) => [...all].map((number) => ({ id, number })));
    const groups = Map.groupBy(pairs, ({ number }) => number);
    this.#byNumber = new Map([...groups].map(([number, of]) => [number, of.map(({ id }) => id)]));
    for (const listener of [...this.#listeners]) listener();
  }
}
