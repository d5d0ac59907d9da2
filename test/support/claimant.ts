import type { Clock } from "../../src/common/clock.ts";
import { silentLogger } from "../../src/common/logger.ts";
import { Inventory } from "../../src/devices/inventory/inventory.ts";
import { Maintenance } from "../../src/devices/maintenance/maintenance.ts";
import { DeviceMonitor } from "../../src/devices/maintenance/monitor.ts";
import type { EnsureReport, VideoDriver } from "../../src/drivers/driver.ts";

/** A plugin on this driver, from its start to its first Allocate, and at its end. */
export class Claimant {
  readonly maintenance: Maintenance;
  readonly #driver: VideoDriver;
  readonly #pool: Inventory;

  /** `listed`: the devices that the kubelet lists for pods; by default there is no kubelet. */
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

  /** Creates the devices, and inspects them. */
  async ensure(): Promise<EnsureReport> {
    const report = await this.#driver.ensure();
    this.maintenance.ensured(report);
    this.#pool.apply(await this.#driver.inspect());
    return report;
  }

  /** Allocates the device to a pod. Rejects if that fails. */
  claim(id: string): Promise<void> {
    return this.maintenance.claim([id], () => undefined);
  }
}
