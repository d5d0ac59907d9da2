import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SimulatedSysfs } from "../../src/drivers/simulated/index.ts";

/** A /sys of its own for a test, with devices that are not USB cameras as well. */
export class FakeVideoSysfs extends SimulatedSysfs {
  constructor() {
    super(mkdtempSync(join(tmpdir(), "video-sysfs-")));
  }

  remove(): void {
    rmSync(this.dir, { recursive: true });
  }

  /** A device that is part of the board. */
  addPlatform(name: string, driver: string, numbers: readonly number[]): string {
    this.addNodes(`devices/platform/${name}`, driver, "platform", driver, numbers);
    return join(this.dir, "devices/platform", name);
  }

  /** A device without hardware, as v4l2loopback's. */
  addVirtual(number: number, name: string): void {
    this.addNode("devices/virtual", number, { name, index: "0" });
  }
}
