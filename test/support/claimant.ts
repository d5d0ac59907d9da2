import type { Clock } from "../../src/common/clock.ts";
import { silentLogger } from "../../src/common/logger.ts";
import { Inventory } from "../../src/devices/inventory/inventory.ts";
import { Maintenance } from "../../src/devices/maintenance/maintenance.ts";
import { DeviceMonitor } from "../../src/devices/maintenance/monitor.ts";
import type { EnsureReport, VideoDriver } from "../../src/drivers/driver.ts";

/** What a plugin on this driver does from its start to its first Allocate, and at its end. */
export class Claimant {
  readonly maintenance: Maintenance;
  readonly #driver: VideoDriver;
  readonly #pool: Inventory;

  /** `listed`: the devices that the kubelet says pods have; by default there is nobody to ask. */
  constructor(driver: VideoDriver, clock: Clock, listed?: ReadonlySet<string>) {
    this.#driver = driver;
    this.#pool = new Inventory(driver.devices, clock);
    const common = { driver, pool: this.#pool, clock, log: silentLogger, random: () => 0.5 };
    const monitor = new DeviceMonitor({ intervalMs: 1000 }, common);
    const ask = async () => {
      if (listed === undefined) throw new Error("there is no kubelet");
      return listed;
    };
    this.maintenance = new Maintenance({ ...common, monitor, listed: ask });
  }

  /** Has the devices made, and looks at them. */
  async ensure(): Promise<EnsureReport> {
    const report = await this.#driver.ensure();
    this.maintenance.ensured(report);
    this.#pool.apply(await this.#driver.inspect());
    return report;
  }

  /** A pod asks for the device. Rejects if it doesn't get it. */
  claim(id: string): Promise<void> {
    return this.maintenance.claim([id], () => undefined);
  }
}
