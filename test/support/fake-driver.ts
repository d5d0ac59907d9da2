import { PluginError } from "../../src/common/plugin-error.ts";
import type {
  DeviceObservation,
  DeviceState,
  DriverDevice,
  EnsureReport,
  VideoDriver,
} from "../../src/v4l2/driver.ts";
import { deviceIds } from "./devices.ts";

/** A driver in memory, for tests of what is above the seam; the contract suite is for the real ones. */
export class FakeDriver implements VideoDriver {
  readonly name = "simulated";
  readonly devices: DriverDevice[];
  readonly states = new Map<string, { state: DeviceState; detail: string }>();
  readonly calls: string[] = [];
  /** What `ensure` does; by default it makes everything that is missing. */
  onEnsure: () => EnsureReport | Promise<EnsureReport> = () => this.#makeMissing();
  onReset: (id: string) => Promise<void> = async () => undefined;
  onRepair: (id: string) => Promise<void> = async () => undefined;
  /** What `isOpen` answers, undefined for those that aren't in it. */
  readonly open = new Map<string, boolean>();
  canReset = true;
  #nudge: () => void = () => undefined;

  constructor(count = 8, first = 10) {
    this.devices = deviceIds(count, first).map((id, index) => ({
      id,
      number: first + index,
      hostPath: `/dev/${id}`,
    }));
    for (const { id } of this.devices) this.set(id, "missing");
  }

  set(id: string, state: DeviceState, detail = state === "ok" ? "" : `${id} is ${state}`): void {
    this.states.set(id, { state, detail });
  }

  nudge(): void {
    this.#nudge();
  }

  async ensure(): Promise<EnsureReport> {
    this.calls.push("ensure");
    return this.onEnsure();
  }

  async inspect(): Promise<DeviceObservation[]> {
    this.calls.push("inspect");
    return this.devices.map(({ id }) => {
      const seen = this.states.get(id);
      return { id, state: seen?.state ?? "missing", detail: seen?.detail ?? "" };
    });
  }

  capabilities() {
    return { create: true, reset: this.canReset, remove: true };
  }

  async reset(id: string): Promise<void> {
    this.calls.push(`reset ${id}`);
    if (!this.canReset) throw new PluginError("not_supported", "cannot reset");
    await this.onReset(id);
  }

  async repair(id: string): Promise<void> {
    this.calls.push(`repair ${id}`);
    await this.onRepair(id);
  }

  async remove(id: string): Promise<void> {
    this.calls.push(`remove ${id}`);
    this.set(id, "missing");
  }

  async isOpen(id: string): Promise<boolean | undefined> {
    return this.open.get(id);
  }

  watch(nudge: () => void): void {
    this.#nudge = nudge;
  }

  #makeMissing(): EnsureReport {
    const missing = this.devices.filter(({ id }) => this.states.get(id)?.state === "missing");
    for (const { id } of missing) this.set(id, "ok");
    const created = missing.map(({ id }) => id);
    const adopted = this.devices.map(({ id }) => id).filter((id) => !created.includes(id));
    return { created, adopted, failed: [] };
  }
}
