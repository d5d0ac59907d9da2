import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import { Mutex } from "../../common/mutex.ts";
import { messageOf, PluginError } from "../../common/plugin-error.ts";
import { watchDirectory } from "../../common/watch-directory.ts";
import { errnoNameOf } from "../../linux/errno-error.ts";
import { numbersFrom } from "../../v4l2/device-ids.ts";
import { applyNodeAccess, hasNodeAccess } from "../../v4l2/node-access.ts";
import type {
  DeviceObservation,
  DriverCapabilities,
  DriverDescription,
  DriverDevice,
  EnsureFailure,
  EnsureReport,
  VideoDriver,
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

/**
 * Cameras made of files, for machines without v4l2loopback: the demo, the tests, a cluster of
 * containers. Keeps nothing in memory: what is in the directory is what there is, so anything outside
 * may delete a node or inject a fault ({@link Faults}).
 */
export class SimulatedDriver implements VideoDriver {
  readonly name = "simulated";
  readonly devices: readonly DriverDevice[];
  private readonly settings: SimulatedSettings;
  private readonly dependencies: SimulatedDependencies;
  private readonly faults: Faults;
  private readonly changes = new Mutex();
  private toldOfPlainFiles = false;

  constructor(settings: SimulatedSettings, dependencies: SimulatedDependencies) {
    this.settings = settings;
    this.dependencies = dependencies;
    this.faults = new Faults(settings.simulatedDir);
    const { firstDeviceNumber, maxDevices, heldNumbers = [], simulatedDir } = settings;
    const numbers = numbersFrom(firstDeviceNumber, maxDevices);
    this.devices = driverDevices(numbers, heldNumbers, (id) => join(simulatedDir, id));
  }

  /** @throws PluginError `simulated_dir_unusable` if the directory can't be made. */
  ensure(): Promise<EnsureReport> {
    return this.changes.run(async () => {
      this.makeDirectories();
      const created: string[] = [];
      const adopted: string[] = [];
      const failed: EnsureFailure[] = [];
      for (const device of this.devices) {
        try {
          const list = this.ensureDevice(device) === "created" ? created : adopted;
          list.push(device.id);
        } catch (error) {
          failed.push({ id: device.id, error: PluginError.from(error) });
        }
      }
      return { created, adopted, failed };
    });
  }

  async inspect(): Promise<DeviceObservation[]> {
    return this.devices.map((device) => this.observe(device));
  }

  capabilities(): DriverCapabilities {
    return { reset: true, remove: true };
  }

  /** There is no module behind files. */
  describe(): DriverDescription {
    return { moduleVersion: undefined, dynamic: true };
  }

  /** @throws PluginError `device_unknown`, `device_busy`, `reset_failed`, or as `ensure` reports. */
  reset(id: string): Promise<void> {
    return this.change(id, (device) => {
      const fault = this.faults.find(id, "reset-fails");
      if (fault !== undefined) {
        throw new PluginError("reset_failed", `${id} could not be reset: ${fault}`);
      }
      this.makeDirectories();
      removeSimulatedNode(device.hostPath);
      this.faults.mend(id, "dead-caps", "stuck-writer", "dirty");
      this.ensureDevice(device);
    });
  }

  /** @throws PluginError `device_unknown`, `device_busy`. */
  repair(id: string): Promise<void> {
    return this.change(id, () => this.faults.mend(id, "dead-caps"));
  }

  /** @throws PluginError `device_unknown`, `device_busy`, `device_foreign`. */
  remove(id: string): Promise<void> {
    return this.change(id, ({ hostPath }) => removeSimulatedNode(hostPath));
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

  /** Does something to a device of this driver's that nobody holds. */
  private change(id: string, act: (device: DriverDevice) => void): Promise<void> {
    return this.changes.run(async () => {
      const device = this.devices.find((candidate) => candidate.id === id);
      if (device === undefined) {
        throw new PluginError("device_unknown", `${id} is none of this driver's devices.`);
      }
      const held = this.openBecause(id);
      if (held !== undefined) throw new PluginError("device_busy", `${id} is in use: ${held}`);
      this.refuseForeign(device);
      act(device);
    });
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

  private ensureDevice(device: DriverDevice): "created" | "adopted" {
    this.refuseForeign(device);
    const outcome = lookAtSimulatedNode(device.hostPath) === "absent" ? "created" : "adopted";
    if (outcome === "created") this.create(device);
    applyNodeAccess(device.hostPath, this.settings);
    const sick = this.faults.find(device.id, "sick");
    if (sick !== undefined) throw new PluginError("device_faulty", sick);
    return outcome;
  }

  private create(device: DriverDevice): void {
    const fault = this.faults.find(device.id, "create-fails");
    if (fault !== undefined) {
      throw new PluginError("create_failed", `${device.id} could not be created: ${fault}`);
    }
    const reason = makeSimulatedNode(device.hostPath, this.dependencies.makeCharDevice);
    if (reason !== undefined && !this.toldOfPlainFiles) {
      this.toldOfPlainFiles = true;
      this.dependencies.log.info("simulated devices are plain files", {
        device_path: device.hostPath,
        reason: PluginError.from(reason).message,
      });
    }
  }

  private refuseForeign(device: DriverDevice): void {
    const node = lookAtSimulatedNode(device.hostPath);
    if (typeof node === "string") return;
    throw new PluginError(
      "device_foreign",
      `${device.hostPath} is ${node.foreign}, so it was left alone.`,
      { remedy: "Remove it, or give the simulated devices another directory." },
    );
  }

  private observe({ id, hostPath }: DriverDevice): DeviceObservation {
    try {
      const node = lookAtSimulatedNode(hostPath);
      if (node === "absent") {
        return { id, state: "missing", detail: `There is no ${hostPath}.` };
      }
      if (node !== "ours") {
        return { id, state: "wrong_driver", detail: `${hostPath} is ${node.foreign}.` };
      }
      const sick = this.faults.find(id, "sick");
      if (sick !== undefined) return { id, state: "faulty", detail: sick };
      const dead = this.faults.find(id, "dead-caps");
      if (dead !== undefined) return { id, state: "dead_caps", detail: dead };
      const stuck = this.faults.find(id, "stuck-writer");
      if (stuck !== undefined) return { id, state: "stuck_writer", detail: stuck };
      const kept = hasNodeAccess(hostPath, this.settings);
      const format = this.faults.find(id, "streaming");
      return {
        ...{ id, state: "ok", detail: "" },
        ...(kept ? {} : { accessLost: true }),
        ...(format === undefined ? {} : { format }),
      };
    } catch (error) {
      const reason = PluginError.from(error).message;
      return { id, state: "faulty", detail: `${hostPath} can't be looked at: ${reason}.` };
    }
  }
}

function writableRemedy(cause: unknown): string {
  return errnoNameOf(cause) === "EROFS"
    ? "It is on a file system that is mounted read-only: mount it without readOnly: true, or name another directory."
    : "Name a directory that this process may write to.";
}
