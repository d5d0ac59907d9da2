import { join } from "node:path";
import type { Clock } from "../../../common/clock.ts";
import { readSmallFile } from "../../../common/files.ts";
import type { Logger } from "../../../common/logger.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { type Polling, pollUntil } from "../../../common/poll-until.ts";
import { errnoNameOf } from "../../../linux/errno-error.ts";
import type { DriverDevice } from "../../driver.ts";
import { readSysfsDevice, type SysfsDevice } from "../device/sysfs.ts";
import type { LoopbackKernel } from "../kernel.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import { loopbackModule } from "../module/find-module.ts";

/**
 * How long to wait for a process that has a device open, and the pause between two tries: udev opens every new device
 * for a moment (v4l_id). Then the device counts as in use.
 */
export const openPatience: Polling = { patienceMs: 1000, pauseMs: 50 };

/** max_openers of v4l2loopback.c, where no parameter says otherwise. */
const defaultOpeners = 10;

/** A camera needs a writer and a reader: a lower limit is what an interrupted run of this program left. */
const leastOpeners = 2;

/**
 * The outcome of a try to limit the openers of a device.
 * - a function: they are limited until it is called.
 * - `open`: not limited, as more processes have the device open.
 * - `unknown`: not limited, as /sys is read-only here, or the device is gone.
 */
type Limited = (() => void) | "open" | "unknown";

/**
 * The attribute `max_openers`, as a lock. The driver refuses (EINVAL) to set it below the number of processes that
 * have the device open, and then refuses (EBUSY) every process beyond it. So it shows, without opening the device,
 * whether a process has it open, and keeps all others out. The same in every version.
 */
export class MaxOpeners {
  readonly #settings: Pick<LoopbackSettings, "sysfsDir" | "readOnly">;
  readonly #kernel: Pick<LoopbackKernel, "writeAttribute">;
  /** Devices that are limited by this object right now. */
  readonly #limited = new Set<number>();
  /** How often this process itself holds devices open, by number: that is no use. */
  readonly #own = new Map<number, number>();

  constructor(
    settings: Pick<LoopbackSettings, "sysfsDir" | "readOnly">,
    kernel: Pick<LoopbackKernel, "writeAttribute">,
  ) {
    this.#settings = settings;
    this.#kernel = kernel;
  }

  /** Records that this process holds the device open, until the result is called. */
  holds(number: number): () => void {
    const add = (change: number) => this.#own.set(number, (this.#own.get(number) ?? 0) + change);
    add(1);
    return () => add(-1);
  }

  /** Lets no more than `openers` other processes have the device open: 0 before it is removed. */
  limit(number: number, openers: 0 | 1): Limited {
    const before = readNumber(this.#path(number));
    if (before === undefined || this.#settings.readOnly) return "unknown";
    try {
      this.#write(number, openers + (this.#own.get(number) ?? 0));
    } catch (error) {
      return errnoNameOf(error) === "EINVAL" ? "open" : "unknown";
    }
    this.#limited.add(number);
    return () => {
      this.#limited.delete(number);
      try {
        this.#write(number, before < leastOpeners ? this.#normal() : before);
      } catch {
        // The device is gone, or the next ensure finds it locked and unlocks it.
      }
    };
  }

  /** True if another process has the device open; undefined if that can't be known, as while it is locked. */
  isOpen(number: number): boolean | undefined {
    // No device of the module is open: no need to lock one, be it for a microsecond.
    if (readNumber(join(this.#moduleDir, "refcnt")) === 0) return false;
    // This process or another one, which may be resetting it, has locked it: lifting that lock would let others in.
    if ((readNumber(this.#path(number)) ?? leastOpeners) < leastOpeners) return undefined;
    const lift = this.limit(number, 0);
    if (lift === "unknown") return undefined;
    if (lift === "open") return true;
    lift();
    return false;
  }

  /** True if an interrupted run left the device locked. */
  isLeftLocked({ number, maxOpeners }: SysfsDevice): boolean {
    return maxOpeners !== undefined && maxOpeners < leastOpeners && !this.#limited.has(number);
  }

  /** Unlocks a device that an interrupted run left locked. @throws ErrnoError. */
  unlock(number: number): void {
    this.#write(number, this.#normal());
  }

  #normal(): number {
    const parameter = readNumber(join(this.#moduleDir, "parameters", "max_openers"));
    return parameter === undefined || parameter < leastOpeners ? defaultOpeners : parameter;
  }

  #write(number: number, openers: number): void {
    this.#kernel.writeAttribute(this.#path(number), String(openers));
  }

  #path(number: number): string {
    const { sysfsDir } = this.#settings;
    return join(sysfsDir, "class", "video4linux", `video${number}`, "max_openers");
  }

  get #moduleDir(): string {
    return join(this.#settings.sysfsDir, "module", loopbackModule);
  }
}

function readNumber(path: string): number | undefined {
  const text = readSmallFile(path) ?? "";
  return /^-?\d+$/.test(text) ? Number(text) : undefined;
}

/** Runs work on a device with every other process kept out, where /sys can be written to. */
export class ExclusiveAccess {
  readonly #sysfsDir: string;
  readonly #openers: MaxOpeners;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(
    sysfsDir: string,
    openers: MaxOpeners,
    { clock, log }: { readonly clock: Clock; readonly log: Logger },
  ) {
    this.#sysfsDir = sysfsDir;
    this.#openers = openers;
    this.#clock = clock;
    this.#log = log;
  }

  /** True if a process has it open; undefined if that can't be known, or v4l2loopback did not create it. */
  isOpen({ number }: DriverDevice): boolean | undefined {
    // Another driver's device has no such attribute, and must not be written to.
    const isLoopback = readSysfsDevice(this.#sysfsDir, number)?.loopback;
    return isLoopback ? this.#openers.isOpen(number) : undefined;
  }

  /** Runs what removes the device. @throws PluginError `device_busy`; what `act` throws. */
  async locked(device: DriverDevice, act: () => Promise<void>): Promise<void> {
    const lift = await this.#limit(device, 0);
    try {
      await act();
    } finally {
      lift();
    }
  }

  /**
   * Runs what opens the device, once at a time.
   * @throws PluginError `device_busy`, `reset_failed`; what `act` throws.
   */
  async alone(device: DriverDevice, act: () => void): Promise<void> {
    const lift = await this.#limit(device, 1);
    try {
      act();
    } catch (cause) {
      const errno = errnoNameOf(cause);
      if (errno === undefined) throw cause;
      if (errno === "EBUSY") throw busy(device, cause);
      throw new PluginError(
        "reset_failed",
        `${device.id} could not be reset or repaired: ${PluginError.from(cause).message}.`,
        { cause, remedy: "Run the container privileged: nothing less may open the device." },
      );
    } finally {
      lift();
    }
  }

  /**
   * Limits the openers once no process has the device open; the result lifts the limit.
   * @throws PluginError `device_busy`.
   */
  async #limit(device: DriverDevice, openers: 0 | 1): Promise<() => void> {
    let lift = () => {};
    const isAlone = () => {
      // A limit of one would let a process that has it open already stay.
      if (openers === 1 && this.#openers.isOpen(device.number) === true) return false;
      const limited = this.#openers.limit(device.number, openers);
      if (typeof limited === "function") lift = limited;
      return limited !== "open";
    };
    if (await pollUntil(isAlone, this.#clock, openPatience)) return lift;
    throw busy(device);
  }

  /**
   * Unlocks a device that a run left locked when it was killed during a reset.
   * @throws PluginError `device_faulty`.
   */
  unlockLeftOver({ number, id }: DriverDevice): void {
    const found = readSysfsDevice(this.#sysfsDir, number);
    if (!found?.loopback || !this.#openers.isLeftLocked(found)) return;
    try {
      this.#openers.unlock(number);
    } catch (error) {
      throw new PluginError(
        "device_faulty",
        `${id} is locked, and its max_openers in /sys can't be written: ${PluginError.from(error).message}.`,
        { cause: error, remedy: "Run the container privileged, with a writable /sys." },
      );
    }
    this.#log.warn("Locked device unlocked after an interrupted reset", { device_id: id });
  }
}

function busy({ id }: DriverDevice, cause?: unknown): PluginError {
  return new PluginError("device_busy", `${id} is in use: a process has it open.`, {
    cause,
    remedy: `Find the process on the host: fuser -v /dev/${id}`,
  });
}
