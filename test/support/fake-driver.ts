import { PluginError } from "../../src/common/plugin-error.ts";
import type {
  DeviceObservation,
  DeviceState,
  DriverDevice,
  EnsureReport,
  VideoDriver,
} from "../../src/drivers/driver.ts";
import { deviceIds } from "./devices.ts";

/** A driver in memory, for tests of the rooms above it; the contract suite tests real drivers. */
export class FakeDriver implements VideoDriver {
  readonly name = "simulated";
  readonly devices: DriverDevice[];
  readonly states = new Map<string, { state: DeviceState; detail: string }>();
  /** Devices whose node has lost its mode; `ensure` restores it. */
  readonly accessLost = new Set<string>();
  readonly calls: string[] = [];
  /** What `ensure` does; by default it creates all missing devices. */
  onEnsure: () => EnsureReport | Promise<EnsureReport> = () => this.#makeMissing();
  onInspect: () => void = () => undefined;
  onReset: (id: string) => Promise<void> = async () => undefined;
  /** What `repair` does; by default it repairs the device. */
  onRepair: (id: string) => Promise<void> = async (id) => this.set(id, "ok");
  canReset = true;
  canRemove = true;
  /** Devices that a process holds open; undefined if that isn't known. */
  open: Set<string> | undefined = new Set();
  #notify: () => void = () => undefined;

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

  notify(): void {
    this.#notify();
  }

  async ensure(): Promise<EnsureReport> {
    this.calls.push("ensure");
    return this.onEnsure();
  }

  async inspect(): Promise<DeviceObservation[]> {
    this.calls.push("inspect");
    this.onInspect();
    return this.devices.map(({ id }) => {
      const seen = this.states.get(id);
      return {
        ...{ id, state: seen?.state ?? "missing", detail: seen?.detail ?? "" },
        ...(this.accessLost.has(id) && { accessLost: true as const }),
      };
    });
  }

  capabilities() {
    return { reset: this.canReset, remove: this.canRemove };
  }

  describe() {
    return { moduleVersion: "0.15.4", dynamic: true };
  }

  async reset(id: string): Promise<void> {
    this.calls.push(`reset ${id}`);
    if (!this.canReset) throw new PluginError("not_supported", "cannot reset");
    this.#refuseBusy(id);
    await this.onReset(id);
  }

  async repair(id: string): Promise<void> {
    this.calls.push(`repair ${id}`);
    this.#refuseBusy(id);
    await this.onRepair(id);
  }

  async remove(id: string): Promise<void> {
    this.calls.push(`remove ${id}`);
    this.#refuseBusy(id);
    this.set(id, "missing");
  }

  async release(): Promise<void> {
    this.calls.push("release");
  }

  async isOpen(id: string): Promise<boolean | undefined> {
    return this.open?.has(id);
  }

  watch(notify: () => void): void {
    this.#notify = notify;
  }

  #refuseBusy(id: string): void {
    if (this.open?.has(id)) throw new PluginError("device_busy", `${id} is held open`);
  }

  #makeMissing(): EnsureReport {
    const missing = this.devices.filter(({ id }) => this.states.get(id)?.state === "missing");
    for (const { id } of missing) this.set(id, "ok");
    this.accessLost.clear();
    const created = missing.map(({ id }) => id);
    const adopted = this.devices.map(({ id }) => id).filter((id) => !created.includes(id));
    return { created, adopted, failed: [] };
  }
}
