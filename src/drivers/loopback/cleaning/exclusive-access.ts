import type { Clock } from "../../../common/clock.ts";
import type { Logger } from "../../../common/logger.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { pollUntil } from "../../../common/poll-until.ts";
import { errnoNameOf } from "../../../linux/errno-error.ts";
import type { DriverDevice } from "../../driver.ts";
import type { LoopbackView } from "../device/loopback-view.ts";
import { BUSY_PATIENCE } from "./busy-patience.ts";
import type { MaxOpeners } from "./max-openers.ts";

/** Work on a device with nobody else there: as far as /sys can be written to, others are kept out. */
export class ExclusiveAccess {
  private readonly openers: MaxOpeners;
  private readonly view: LoopbackView;
  private readonly clock: Clock;
  private readonly log: Logger;

  constructor(
    openers: MaxOpeners,
    view: LoopbackView,
    { clock, log }: { clock: Clock; log: Logger },
  ) {
    this.openers = openers;
    this.view = view;
    this.clock = clock;
    this.log = log;
  }

  /** Whether somebody has it open; undefined if that can't be known, or it isn't v4l2loopback's. */
  isOpen(device: DriverDevice): boolean | undefined {
    // Another driver's device has no such attribute, and isn't to be written to anyway.
    if (this.view.sysfsDevice(device)?.loopback !== true) return undefined;
    return this.openers.isOpen(device.number);
  }

  /** Runs what removes the device. @throws PluginError `device_busy`, or what `act` threw. */
  async withNobody(device: DriverDevice, act: () => Promise<void>): Promise<void> {
    const lift = await this.limit(device, 0);
    try {
      await act();
    } finally {
      lift();
    }
  }

  /**
   * Runs what opens the device, once at a time.
   * @throws PluginError `device_busy`, `reset_failed`, or that which `act` threw.
   */
  async alone(device: DriverDevice, act: () => void): Promise<void> {
    const lift = await this.limit(device, 1, true);
    try {
      act();
    } catch (cause) {
      const errno = errnoNameOf(cause);
      if (errno === undefined) throw cause;
      if (errno === "EBUSY") throw this.busy(device, cause);
      throw new PluginError(
        "reset_failed",
        `${device.id} could not be put right: ${PluginError.from(cause).message}.`,
        { cause, remedy: "Run the container privileged: nothing less may open the device." },
      );
    } finally {
      lift();
    }
  }

  /**
   * Limits the openers, once nobody is there; the answer undoes it.
   * @throws PluginError `device_busy`.
   */
  private async limit(
    device: DriverDevice,
    openers: 0 | 1,
    wantsNobody = false,
  ): Promise<() => void> {
    let lift = () => {};
    const isAlone = () => {
      if (wantsNobody && this.openers.isOpen(device.number) === true) return false;
      const limited = this.openers.limit(device.number, openers);
      if (limited.outcome === "limited") lift = limited.lift;
      return limited.outcome !== "open";
    };
    if (await pollUntil(isAlone, this.clock, BUSY_PATIENCE)) return lift;
    throw this.busy(device);
  }

  private busy({ id }: DriverDevice, cause?: unknown): PluginError {
    return new PluginError("device_busy", `${id} was left alone: somebody has it open.`, {
      cause,
      remedy: `Find out who on the host: fuser -v /dev/${id}`,
    });
  }

  /**
   * A run that was killed in the middle of a reset has left nobody able to open the device.
   * @throws PluginError `device_faulty`.
   */
  liftLeftOver(device: DriverDevice): void {
    const { number, id } = device;
    if (this.view.sysfsDevice(device)?.loopback !== true) return;
    if (!this.openers.isLeftOver(number)) return;
    try {
      this.openers.liftLeftOver(number);
      this.log.warn("a device was closed to everybody and has been opened", {
        device_id: id,
      });
    } catch (error) {
      throw new PluginError(
        "device_faulty",
        `${id} lets nobody open it, and its max_openers in /sys can't be written: ${PluginError.from(error).message}.`,
        { cause: error, remedy: "Run the container privileged, with a writable /sys." },
      );
    }
  }
}
