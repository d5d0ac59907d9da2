import { Mutex } from "../../../common/mutex.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import type { DeviceRequest } from "./parameters.ts";

/** One driver's part in the module. */
export interface ModuleMember {
  readonly settings: LoopbackSettings;
  /** Its devices, as the module creates them where a load has to. */
  readonly requests: readonly DeviceRequest[];
  /** Removes the nodes of its devices, which were removed with the module. */
  readonly removeNodes: () => void;
}

/**
 * What the loopback drivers of a process share: there is one module in a kernel. Whichever driver loads it, the load has to
 * suit all of them, since before 0.13 no device can be added later.
 */
export class SharedModule {
  readonly #mutex = new Mutex();
  readonly #members: ModuleMember[] = [];
  readonly #released = new Set<ModuleMember>();
  /** Numbers of devices that a load of ours created, and whose drivers don't know yet. */
  #unreported: ReadonlySet<number> = new Set();
  /** Inode of the module's directory in /sys after a load of ours, which kernfs never uses twice: another load has another. */
  loadedAs: bigint | undefined;
  /** True once a driver has warned of the loaded module's defect. */
  hasWarned = false;

  join(member: ModuleMember): void {
    this.#members.push(member);
  }

  /** Runs what loads or unloads the module, adds or removes a device: one at a time, so that a device gets its minor back. */
  alone<T>(task: () => Promise<T>): Promise<T> {
    return this.#mutex.run(task);
  }

  get isShared(): boolean {
    return this.#members.length > 1;
  }

  /** The devices of all drivers. @param own Those of `member`, in the order in which it wants them. */
  requests(member: ModuleMember, own: readonly DeviceRequest[]): readonly DeviceRequest[] {
    return this.#members.flatMap((each) => (each === member ? own : each.requests));
  }

  /** Settings of a load, which has one for all devices: the first driver's, and the largest frame of any. */
  loadSettings(): Pick<
    LoopbackSettings,
    "exclusiveCaps" | "maxBuffers" | "maxWidth" | "maxHeight"
  > {
    const all = this.#members.map(({ settings }) => settings);
    const { exclusiveCaps = true, maxBuffers } = all[0] ?? {};
    return {
      ...{ exclusiveCaps, maxBuffers },
      maxWidth: Math.max(...all.map(({ maxWidth }) => maxWidth)),
      maxHeight: Math.max(...all.map(({ maxHeight }) => maxHeight)),
    };
  }

  /** A load of ours has created these devices. */
  created(numbers: readonly number[]): void {
    this.#unreported = new Set(numbers);
  }

  /** True, once, if a load of ours has created the device. */
  reportCreated(number: number): boolean {
    if (!this.#unreported.has(number)) return false;
    this.#unreported = new Set([...this.#unreported].filter((other) => other !== number));
    return true;
  }

  /**
   * A driver no longer needs the module.
   *
   * @returns all drivers if none of them does, else undefined.
   */
  released(member: ModuleMember): readonly ModuleMember[] | undefined {
    this.#released.add(member);
    return this.#members.every((each) => this.#released.has(each)) ? this.#members : undefined;
  }
}
