import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import type { Clock } from "../../common/clock.ts";
import { LogOnce } from "../../common/log-once.ts";
import type { Logger } from "../../common/logger.ts";
import { messageOf, PluginError } from "../../common/plugin-error.ts";
import { fileIdentity } from "../../common/unix-socket.ts";
import { watchDirectory } from "../../common/watch-directory.ts";
import { errnoNameOf } from "../../linux/errno-error.ts";
import { numbersFrom } from "../../v4l2/device-ids.ts";
import { applyNodeAccess, hasNodeAccess, type NodeAccess } from "../../v4l2/node-access.ts";
import {
  type DeviceObservation,
  type DriverCapabilities,
  type DriverDescription,
  type DriverDevice,
  type EnsureFailure,
  type EnsureReport,
  okObservation,
  type RelayReport,
  type VideoDriver,
} from "../driver.ts";
import { driverDevices, findDevice } from "../driver-devices.ts";
import { Faults } from "./faults.ts";
import {
  createSimulatedNode,
  lookAtSimulatedNode,
  type MakeCharDevice,
  removeSimulatedNode,
} from "./simulated-node.ts";
import { type SimulatedReady, SimulatedRelay } from "./simulated-relay.ts";

export interface SimulatedSettings extends NodeAccess {
  /** Number of the first device, 0 or more; the others follow. */
  readonly firstDeviceNumber: number;
  /** How many devices, 1 or more. */
  readonly maxDevices: number;
  /** Numbers of devices that pods own. Those beyond the wanted ones become surplus devices. Default: none. */
  readonly allocatedNumbers?: readonly number[];
  /** Directory of the nodes, the same for this process and on the host. Created if it does not exist. */
  readonly simulatedDir: string;
  /** Set if the devices are ready cameras. Default: plain ones. */
  readonly ready?: SimulatedReady | undefined;
}

export interface SimulatedDependencies {
  readonly log: Logger;
  readonly clock: Clock;
  /** mknod(2); if it throws, nodes are plain files. */
  readonly makeCharDevice: MakeCharDevice;
}

/** Faults that make a device `faulty`, and the reasons of v4l2loopback that they imitate. */
const visibleFaults = [
  { fault: "sick", reason: "faulty", fix: "recreate" },
  { fault: "dead-caps", reason: "dead_caps", fix: "repair" },
  { fault: "stuck-writer", reason: "stuck_writer", fix: "reset" },
] as const;

/** Faults of a device that a process has open. */
const openFaults = ["held", "streaming", "wrong-size"] as const;

/**
 * Cameras made of files, for machines without v4l2loopback: the demo, the tests, a cluster of containers. Keeps nothing
 * in memory: the directory is the state, so that anything outside may delete a node or set a fault ({@link Faults}).
 */
export class SimulatedDriver implements VideoDriver {
  readonly name = "simulated";
  readonly reasons = ["missing", "wrong_driver", ...visibleFaults.map(({ reason }) => reason)];
  readonly devices: readonly DriverDevice[];
  readonly #settings: SimulatedSettings;
  readonly #dependencies: SimulatedDependencies;
  readonly #faults: Faults;
  readonly #logged = new LogOnce();
  readonly #relay: SimulatedRelay | undefined;

  constructor(settings: SimulatedSettings, dependencies: SimulatedDependencies) {
    this.#settings = settings;
    this.#dependencies = dependencies;
    this.#faults = new Faults(settings.simulatedDir);
    const { firstDeviceNumber, maxDevices, allocatedNumbers = [] } = settings;
    this.devices = driverDevices(numbersFrom(firstDeviceNumber, maxDevices), allocatedNumbers, {
      hostPath: (id) => this.#path(id),
      cleaning: "reset",
      ready: settings.ready !== undefined,
    });
    if (settings.ready !== undefined) {
      const ids = this.devices.map(({ id }) => id);
      this.#relay = new SimulatedRelay(ids, settings.ready, this.#faults, dependencies.clock);
    }
  }

  /** @throws PluginError `simulated_dir_unusable` if the directory can't be created. */
  async ensure(): Promise<EnsureReport> {
    this.#createDirectories();
    const created: string[] = [];
    const adopted: string[] = [];
    const failed: EnsureFailure[] = [];
    for (const { id } of this.devices) {
      try {
        const list = this.#ensureDevice(id) === "created" ? created : adopted;
        list.push(id);
      } catch (error) {
        failed.push({ id, error: PluginError.from(error) });
      }
    }
    return { created, adopted, failed };
  }

  async inspect(): Promise<DeviceObservation[]> {
    return this.devices.map(({ id }) => this.#observe(id));
  }

  capabilities(): DriverCapabilities {
    return { remove: true };
  }

  canFix({ fix }: Pick<DeviceObservation, "fix">): boolean {
    return fix !== "none";
  }

  /** Files have no module. */
  describe(): DriverDescription {
    return { moduleVersion: undefined, dynamic: true };
  }

  relay(): RelayReport | undefined {
    return this.#relay?.report();
  }

  async leave(): Promise<void> {}

  /** @throws PluginError `device_unknown`, `device_busy`, `reset_failed`, or as `ensure` reports. */
  reset(id: string): Promise<void> {
    return this.#change(id, () => {
      const fault = this.#faults.find(id, "reset-fails");
      if (fault !== undefined) {
        throw new PluginError("reset_failed", `${id} could not be reset: ${fault}`);
      }
      this.#createDirectories();
      this.#removeNodes(id);
      this.#faults.end(id, "dead-caps", "stuck-writer", "dirty", "wrong-size");
      this.#ensureDevice(id);
    });
  }

  /** @throws PluginError `device_unknown`, `device_busy`, `device_foreign`. */
  repair(id: string): Promise<void> {
    return this.#change(id, () => this.#faults.end(id, "dead-caps"));
  }

  /** @throws PluginError `device_unknown`, `device_busy`, `device_foreign`. */
  remove(id: string): Promise<void> {
    return this.#change(id, () => this.#removeNodes(id));
  }

  /** Files have no module to unload. */
  async release(): Promise<void> {}

  async isOpen(id: string): Promise<boolean> {
    return openFaults.some((fault) => this.#faults.isSet(id, fault));
  }

  async holders(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const openers = ids.map((id) => [id, this.#faults.find(id, "held") ?? ""] as const);
    return new Map(openers.filter(([, opener]) => /^\S+ \(process \d+\)$/.test(opener)));
  }

  watch(notify: () => void, signal: AbortSignal): void {
    const names = new Set(
      this.devices.flatMap(({ nodes }) => nodes.map(({ hostPath }) => basename(hostPath))),
    );
    const { clock } = this.#dependencies;
    const isOurs = (name: string) => names.has(name);
    watchDirectory(this.#settings.simulatedDir, isOurs, notify, signal, clock);
    watchDirectory(this.#faults.directory, () => true, notify, signal, clock);
  }

  #path(id: string): string {
    return join(this.#settings.simulatedDir, id);
  }

  /** Paths of all nodes of a device: of a ready camera's feed, too. */
  #paths(id: string): readonly string[] {
    return findDevice(this.devices, id).nodes.map(({ hostPath }) => hostPath);
  }

  #removeNodes(id: string): void {
    for (const path of this.#paths(id)) removeSimulatedNode(path);
  }

  /** Who has the device open, in a sentence; undefined if no process has. A process that streams has it open, too. */
  #opener(id: string): string | undefined {
    for (const fault of openFaults) {
      const opener = this.#faults.find(id, fault);
      if (opener !== undefined) return opener;
    }
    return undefined;
  }

  /** Changes a device of this driver that no process has open. */
  async #change(id: string, act: () => void): Promise<void> {
    findDevice(this.devices, id);
    const opener = this.#opener(id);
    if (opener !== undefined) throw new PluginError("device_busy", `${id} is in use: ${opener}`);
    this.#refuseForeign(id);
    act();
  }

  #createDirectories(): void {
    try {
      mkdirSync(this.#faults.directory, { recursive: true });
    } catch (cause) {
      throw new PluginError(
        "simulated_dir_unusable",
        `The directory for simulated devices, ${this.#settings.simulatedDir}, can't be created: ${messageOf(cause)}.`,
        { cause, remedy: writableRemedy(cause) },
      );
    }
  }

  #ensureDevice(id: string): "created" | "adopted" {
    this.#refuseForeign(id);
    const missing = this.#paths(id).filter((path) => lookAtSimulatedNode(path) === "absent");
    for (const path of missing) this.#create(id, path);
    for (const path of this.#paths(id)) applyNodeAccess(path, this.#settings);
    const sick = this.#faults.find(id, "sick");
    if (sick !== undefined) throw new PluginError("device_faulty", sick);
    return missing.length === this.#paths(id).length ? "created" : "adopted";
  }

  #create(id: string, path: string): void {
    const fault = this.#faults.find(id, "create-fails");
    if (fault !== undefined) {
      throw new PluginError("create_failed", `${id} could not be created: ${fault}`);
    }
    const { log, makeCharDevice } = this.#dependencies;
    const reason = createSimulatedNode(path, makeCharDevice);
    if (reason !== undefined && this.#logged.isNew("plain files")) {
      const fields = { device_path: path, reason: messageOf(reason) };
      log.info("Simulated devices are plain files", fields);
    }
  }

  #refuseForeign(id: string): void {
    for (const path of this.#paths(id)) {
      const node = lookAtSimulatedNode(path);
      if (typeof node === "string") continue;
      throw new PluginError("device_foreign", `${path} is ${node.foreign}, so it was left alone.`, {
        remedy: "Remove it, or use another directory for the simulated devices.",
      });
    }
  }

  #observe(id: string): DeviceObservation {
    try {
      for (const each of this.#paths(id)) {
        const node = lookAtSimulatedNode(each);
        if (node === "absent") {
          const detail = `There is no ${each}.`;
          const identity = identityOf(this.#paths(id));
          return {
            ...{ id, state: "unavailable", reason: "missing", detail, fix: "recreate" },
            ...identity,
          };
        }
        if (node !== "ours") {
          const detail = `${each} is ${node.foreign}.`;
          return { id, state: "unavailable", reason: "wrong_driver", detail, fix: "none" };
        }
      }
      for (const { fault, reason, fix } of visibleFaults) {
        const detail = this.#faults.find(id, fault);
        if (detail !== undefined) return { id, state: "faulty", reason, detail, fix };
      }
      const format = this.#faults.find(id, "streaming");
      const deviceNumber = this.#faults.find(id, "numbered");
      return {
        ...okObservation(id),
        ...identityOf(this.#paths(id)),
        ...(!this.#paths(id).every((each) => hasNodeAccess(each, this.#settings)) && {
          accessLost: true,
        }),
        ...(format !== undefined && { format }),
        ...(deviceNumber !== undefined && { deviceNumber }),
      };
    } catch (error) {
      const detail = `${this.#path(id)} can't be inspected: ${messageOf(error)}.`;
      return { id, state: "faulty", reason: "faulty", detail, fix: "recreate" };
    }
  }
}

/** The inodes of a device's files: a reset makes other ones. */
function identityOf(paths: readonly string[]): Pick<DeviceObservation, "identity"> {
  const inodes = paths.map(fileIdentity);
  const exists = inodes.some((inode) => inode !== undefined);
  return exists ? { identity: inodes.map((inode) => inode ?? "none").join("+") } : {};
}

function writableRemedy(cause: unknown): string {
  return errnoNameOf(cause) === "EROFS"
    ? "It is on a file system that is mounted read-only: mount it without readOnly: true, or name another directory."
    : "Name a directory that this process may write to.";
}
