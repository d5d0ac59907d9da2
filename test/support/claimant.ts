import type { Clock } from "../../src/common/clock.ts";
import { Caretaker } from "../../src/devices/caretaker.ts";
import { DeviceMonitor } from "../../src/devices/monitor.ts";
import { DevicePool } from "../../src/devices/pool.ts";
import { silentLogger } from "../../src/observe/logger.ts";
import type { EnsureReport, VideoDriver } from "../../src/v4l2/driver.ts";

/** What a plugin on this driver does from its start to its first Allocate, and at its end. */
export class Claimant {
  readonly caretaker: Caretaker;
  readonly #driver: VideoDriver;
  readonly #pool: DevicePool;

  /** `listed`: the devices that the kubelet says pods have; by default there is nobody to ask. */
  constructor(driver: VideoDriver, clock: Clock, listed?: ReadonlySet<string>) {
    this.#driver = driver;
    this.#pool = new DevicePool(driver.devices, clock);
    const common = { driver, pool: this.#pool, clock, log: silentLogger, random: () => 0.5 };
    const monitor = new DeviceMonitor({ intervalMs: 1000 }, common);
    const ask = async () => {
      if (listed === undefined) throw new Error("there is no kubelet");
      return listed;
    };
    this.caretaker = new Caretaker({ ...common, monitor, listed: ask });
  }

  /** Has the devices made, and looks at them. */
  async ensure(): Promise<EnsureReport> {
    const report = await this.#driver.ensure();
    this.caretaker.ensured(report);
    this.#pool.apply(await this.#driver.inspect());
    return report;
  }

  /** A pod asks for the device. Rejects if it doesn't get it. */
  claim(id: string): Promise<void> {
    return this.caretaker.claim([id], () => undefined);
  }
}
