import type { Clock } from "../../src/common/clock.ts";
import type { Devices } from "../../src/devices/devices.ts";
import type { EnsureReport, VideoDriver } from "../../src/drivers/driver.ts";
import { FakeUsageSource, makeDevices } from "./make-devices.ts";

/** A plugin on this driver, from its start to its first Allocate, and at its end. */
export class Claimant {
  readonly devices: Devices;

  /** `listed`: the devices that the kubelet says pods own; by default it does not answer. */
  constructor(driver: VideoDriver, clock: Clock, listed?: ReadonlySet<string>) {
    const source = new FakeUsageSource(clock);
    source.listed = listed;
    this.devices = makeDevices({ driver, clock, source, random: () => 0.5 });
  }

  /** Has the driver create the devices, and inspects them. */
  ensure(): Promise<EnsureReport> {
    const { monitor, queue, usage } = this.devices;
    return queue.run({ what: "a start" }, async (turn) => {
      const report = await turn.ensure({ recreatable: usage.free() });
      monitor.created(report);
      await turn.inspect();
      return report;
    });
  }

  /** A pod asks for the device, which the plugin has seen in use before. Rejects if the pod doesn't get it. */
  async claim(id: string): Promise<void> {
    // A user's traces are no fault then, so that the device is offered and reset inside Allocate.
    if (this.devices.inventory.get(id)?.fix === "reset") this.devices.usage.seenOpen(id, true);
    await this.devices.guard.allocate([id]);
  }
}
