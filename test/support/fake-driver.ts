import { PluginError } from "../../src/common/plugin-error.ts";
import {
  type DeviceObservation,
  type DriverDevice,
  type EnsureOptions,
  type EnsureReport,
  okObservation,
  type RelayReport,
  type VideoDriver,
} from "../../src/drivers/driver.ts";
import { faultOf } from "../../src/drivers/loopback/device/device-state.ts";
import { type LoopbackReason, loopbackReasons } from "../../src/drivers/loopback/index.ts";
import { deviceIds } from "./devices.ts";

/** What the loopback driver observes of a device with that reason. */
export function observation(
  id: string,
  reason: LoopbackReason | "ok",
  detail = `${id} is ${reason}`,
): DeviceObservation {
  return reason === "ok" ? okObservation(id) : faultOf(id, reason, detail);
}

/** A driver in memory, for tests of what is above the seam; the contract suite is for the real ones. */
export class FakeDriver implements VideoDriver {
  readonly name = "simulated";
  devices: readonly DriverDevice[];
  readonly reasons = loopbackReasons;
  readonly observations = new Map<string, DeviceObservation>();
  /** Devices whose node has lost its mode; making what is missing gives it back. */
  readonly accessLost = new Set<string>();
  readonly calls: string[] = [];
  /** What `ensure` does; by default it creates all missing devices. */
  onEnsure: () => EnsureReport | Promise<EnsureReport> = () => this.#makeMissing();
  onInspect: () => void = () => undefined;
  onReset: (id: string) => Promise<void> = async () => undefined;
  /** What `repair` does; by default it repairs. */
  onRepair: (id: string) => Promise<void> = async (id) => this.set(id, "ok");
  canRemove = true;
  /** Devices that a process holds open; `undefined`: that can't be known. */
  open: Set<string> | undefined = new Set();
  /** The process that holds them open; empty: that can't be seen. */
  holder = "";
  /** What the relay of ready cameras does; by default there is none. */
  relayReport: RelayReport | undefined;
  #notify: () => void = () => undefined;

  constructor(count = 8, first = 10) {
    this.devices = deviceIds(count, first).map((id, index) => ({
      id,
      number: first + index,
      nodes: [{ hostPath: `/dev/${id}` }] as const,
      cleaning: "reset" as const,
    }));
    for (const { id } of this.devices) this.set(id, "missing");
  }

  set(id: string, reason: LoopbackReason | "ok", detail?: string): void {
    this.observations.set(id, observation(id, reason, detail));
  }

  notify(): void {
    this.#notify();
  }

  async ensure(_options?: EnsureOptions): Promise<EnsureReport> {
    this.calls.push("ensure");
    return this.onEnsure();
  }

  async inspect(): Promise<DeviceObservation[]> {
    this.calls.push("inspect");
    this.onInspect();
    return this.devices.map(({ id }) => ({
      ...(this.observations.get(id) ?? observation(id, "missing")),
      ...(this.accessLost.has(id) && { accessLost: true as const }),
    }));
  }

  capabilities() {
    return { remove: this.canRemove };
  }

  canFix({ fix }: Pick<DeviceObservation, "fix">) {
    return fix !== "none";
  }

  describe() {
    return { moduleVersion: "0.15.4", dynamic: true };
  }

  async leave() {}

  relay() {
    return this.relayReport;
  }

  async reset(id: string): Promise<void> {
    this.calls.push(`reset ${id}`);
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

  async holders(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return new Map(ids.map((id) => [id, this.open?.has(id) ? this.holder : ""]));
  }

  watch(notify: () => void): void {
    this.#notify = notify;
  }

  #refuseBusy(id: string): void {
    if (this.open?.has(id)) throw new PluginError("device_busy", `${id} is held open`);
  }

  #makeMissing(): EnsureReport {
    const missing = this.devices.filter(
      ({ id }) => this.observations.get(id)?.reason === "missing",
    );
    for (const { id } of missing) this.set(id, "ok");
    this.accessLost.clear();
    const created = missing.map(({ id }) => id);
    const adopted = this.devices.map(({ id }) => id).filter((id) => !created.includes(id));
    return { created, adopted, failed: [] };
  }
}
