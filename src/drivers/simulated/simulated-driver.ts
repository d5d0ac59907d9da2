import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import { messageOf, PluginError } from "../../common/plugin-error.ts";
import { watchDirectory } from "../../common/watch-directory.ts";
import { errnoNameOf } from "../../linux/errno-error.ts";
import { numbersFrom } from "../../v4l2/device-ids.ts";
import { applyNodeAccess, hasNodeAccess } from "../../v4l2/node-access.ts";
import {
  type DeviceObservation,
  type DriverCapabilities,
  type DriverDescription,
  type DriverDevice,
  type EnsureFailure,
  type EnsureReport,
  okObservation,
  type VideoDriver,
} from "../driver.ts";
import { driverDevices } from "../driver-devices.ts";
import { Faults } from "./faults.ts";
import {
  lookAtSimulatedNode,
  type MakeCharDevice,
  makeSimulatedNode,
  removeSimulatedNode,
} from "./simulated-node.ts";

export interface SimulatedSettings {
  /** Number of the first device, 0 or more; the others follow. */
  readonly firstDeviceNumber: number;
  /** How many devices, 1 or more. */
  readonly maxDevices: number;
  /** Numbers that somebody has devices of: what of them is beyond the wanted ones is answered for, too. */
  readonly heldNumbers?: readonly number[];
  /** Permission bits of a node: 0o666. */
  readonly mode: number;
  /** Group ID of a node; undefined leaves it as it is. */
  readonly group: number | undefined;
  /** Where the nodes are kept. Made if it isn't there. The same path on the host. */
  readonly simulatedDir: string;
}

export interface SimulatedDependencies {
  readonly log: Logger;
  readonly clock: Clock;
  /** mknod(2); without it, or when it throws, nodes are plain files. */
  readonly makeCharDevice: MakeCharDevice;
}

/** Faults that make a device `faulty`, and the reasons of v4l2loopback that they imitate. */
const visibleFaults = [
  { fault: "sick", reason: "faulty", fix: "recreate" },
  { fault: "dead-caps", reason: "dead_caps", fix: "repair" },
  { fault: "stuck-writer", reason: "stuck_writer", fix: "reset" },
] as const;

/**
 * Cameras made of files, for machines without v4l2loopback: the demo, the tests, a cluster of
 * containers. Keeps nothing in memory: what is in the directory is what there is, so anything outside
 * may delete a node or inject a fault ({@link Faults}).
 */
export class SimulatedDriver implements VideoDriver {
  readonly name = "simulated";
  readonly reasons = ["missing", "wrong_driver", "faulty", "dead_caps", "stuck_writer"];
  readonly devices: readonly DriverDevice[];
  private readonly settings: SimulatedSettings;
  private readonly dependencies: SimulatedDependencies;
  private readonly faults: Faults;
  private toldOfPlainFiles = false;

  constructor(settings: SimulatedSettings, dependencies: SimulatedDependencies) {
    this.settings = settings;
    this.dependencies = dependencies;
    this.faults = new Faults(settings.simulatedDir);
    const { firstDeviceNumber, maxDevices, heldNumbers = [], simulatedDir } = settings;
    const numbers = numbersFrom(firstDeviceNumber, maxDevices);
    this.devices = driverDevices(numbers, heldNumbers, {
      hostPath: (id) => join(simulatedDir, id),
      cleaning: "reset",
    });
  }

  /** @throws PluginError `simulated_dir_unusable` if the directory can't be made. */
  async ensure(): Promise<EnsureReport> {
    this.makeDirectories();
    const created: string[] = [];
    const adopted: string[] = [];
    const failed: EnsureFailure[] = [];
    for (const { id } of this.devices) {
      try {
        const list = this.ensureDevice(id) === "created" ? created : adopted;
        list.push(id);
      } catch (error) {
        failed.push({ id, error: PluginError.from(error) });
      }
    }
    return { created, adopted, failed };
  }

  async inspect(): Promise<DeviceObservation[]> {
    return this.devices.map(({ id }) => this.observe(id));
  }

  capabilities(): DriverCapabilities {
    return { remove: true };
  }

  /** There is no module behind files. */
  describe(): DriverDescription {
    return { moduleVersion: undefined, dynamic: true };
  }

  /** @throws PluginError `device_unknown`, `device_busy`, `reset_failed`, or as `ensure` reports. */
  reset(id: string): Promise<void> {
    return this.change(id, (path) => {
      const fault = this.faults.find(id, "reset-fails");
      if (fault !== undefined) {
        throw new PluginError("reset_failed", `${id} could not be reset: ${fault}`);
      }
      this.makeDirectories();
      removeSimulatedNode(path);
      this.faults.mend(id, "dead-caps", "stuck-writer", "dirty");
      this.ensureDevice(id);
    });
  }

  /** @throws PluginError `device_unknown`, `device_busy`. */
  repair(id: string): Promise<void> {
    return this.change(id, () => this.faults.mend(id, "dead-caps"));
  }

  /** @throws PluginError `device_unknown`, `device_busy`, `device_foreign`. */
  remove(id: string): Promise<void> {
    return this.change(id, removeSimulatedNode);
  }

  /** Nothing provides files. */
  async release(): Promise<void> {}

  async isOpen(id: string): Promise<boolean> {
    return this.openBecause(id) !== undefined;
  }

  /** Whoever streams has it open, too. */
  private openBecause(id: string): string | undefined {
    return this.faults.find(id, "held") ?? this.faults.find(id, "streaming");
  }

  watch(notify: () => void, signal: AbortSignal): void {
    const names = new Set(this.devices.map((device) => device.id));
    const { clock } = this.dependencies;
    const isOurs = (name: string) => names.has(name);
    watchDirectory(this.settings.simulatedDir, isOurs, notify, signal, clock);
    watchDirectory(this.faults.directory, () => true, notify, signal, clock);
  }

  /** Does something to a device of this driver's that no process holds open. */
  private async change(id: string, act: (path: string) => void): Promise<void> {
    if (!this.devices.some((device) => device.id === id)) {
      throw new PluginError("device_unknown", `${id} is none of this driver's devices.`);
    }
    const held = this.openBecause(id);
    if (held !== undefined) throw new PluginError("device_busy", `${id} is in use: ${held}`);
    this.refuseForeign(id);
    act(this.path(id));
  }

  /** Path of a device's node, which is the same for this process and on the host. */
  private path(id: string): string {
    return join(this.settings.simulatedDir, id);
  }

  private makeDirectories(): void {
    try {
      mkdirSync(this.faults.directory, { recursive: true });
    } catch (cause) {
      const reason = messageOf(cause);
      throw new PluginError(
        "simulated_dir_unusable",
        `The directory for simulated devices, ${this.settings.simulatedDir}, can't be made: ${reason}.`,
        { cause, remedy: writableRemedy(cause) },
      );
    }
  }

  private ensureDevice(id: string): "created" | "adopted" {
    this.refuseForeign(id);
    const path = this.path(id);
    const outcome = lookAtSimulatedNode(path) === "absent" ? "created" : "adopted";
    if (outcome === "created") this.create(id, path);
    applyNodeAccess(path, this.settings);
    const sick = this.faults.find(id, "sick");
    if (sick !== undefined) throw new PluginError("device_faulty", sick);
    return outcome;
  }

  private create(id: string, path: string): void {
    const fault = this.faults.find(id, "create-fails");
    if (fault !== undefined) {
      throw new PluginError("create_failed", `${id} could not be created: ${fault}`);
    }
    const reason = makeSimulatedNode(path, this.dependencies.makeCharDevice);
    if (reason !== undefined && !this.toldOfPlainFiles) {
      this.toldOfPlainFiles = true;
      this.dependencies.log.info("simulated devices are plain files", {
        device_path: path,
        reason: PluginError.from(reason).message,
      });
    }
  }

  private refuseForeign(id: string): void {
    const node = lookAtSimulatedNode(this.path(id));
    if (typeof node === "string") return;
    throw new PluginError(
      "device_foreign",
      `${this.path(id)} is ${node.foreign}, so it was left alone.`,
      { remedy: "Remove it, or give the simulated devices another directory." },
    );
  }

  private observe(id: string): DeviceObservation {
    const path = this.path(id);
    try {
      const node = lookAtSimulatedNode(path);
      if (node === "absent") {
        const detail = `There is no ${path}.`;
        return { id, state: "unavailable", reason: "missing", detail, fix: "recreate" };
      }
      if (node !== "ours") {
        const detail = `${path} is ${node.foreign}.`;
        return { id, state: "unavailable", reason: "wrong_driver", detail, fix: "none" };
      }
      for (const { fault, reason, fix } of visibleFaults) {
        const detail = this.faults.find(id, fault);
        if (detail !== undefined) return { id, state: "faulty", reason, detail, fix };
      }
      const format = this.faults.find(id, "streaming");
      return {
        ...okObservation(id),
        ...(!hasNodeAccess(path, this.settings) && { accessLost: true }),
        ...(format !== undefined && { format }),
      };
    } catch (error) {
      const detail = `${path} can't be looked at: ${PluginError.from(error).message}.`;
      return { id, state: "faulty", reason: "faulty", detail, fix: "recreate" };
    }
  }
}

function writableRemedy(cause: unknown): string {
  return errnoNameOf(cause) === "EROFS"
    ? "It is on a file system that is mounted read-only: mount it without readOnly: true, or name another directory."
    : "Name a directory that this process may write to.";
}
