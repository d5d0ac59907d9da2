import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { DriverDevice } from "../../src/drivers/driver.ts";
import { FakeDriver } from "../support/fake-driver.ts";

/**
 * Cameras with their content in files until a reset, so that a pod would find the content of the previous one. Existing
 * cameras are adopted.
 */
export class CameraFiles extends FakeDriver {
  override readonly devices: DriverDevice[];

  constructor(devices: readonly DriverDevice[], there = false) {
    super(0);
    this.devices = [...devices];
    for (const { id, nodes } of this.devices) {
      const [{ hostPath }] = nodes;
      this.set(id, there ? "ok" : "missing");
      if (!there || !existsSync(hostPath)) writeFileSync(hostPath, "");
    }
    this.onReset = async (id) => this.write(id, "");
  }

  write(id: string, text: string): void {
    writeFileSync(this.#path(id), text);
  }

  read(id: string): string {
    return readFileSync(this.#path(id), "utf8");
  }

  /** IDs of the devices that were reset, in order. */
  get resets(): string[] {
    return this.calls.filter((call) => call.startsWith("reset ")).map((call) => call.slice(6));
  }

  #path(id: string): string {
    const device = this.devices.find((candidate) => candidate.id === id);
    if (device === undefined) throw new Error(`there is no ${id}`);
    return device.nodes[0].hostPath;
  }
}
