import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import type { Device } from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import type { KubeletBehaviour } from "./behaviour.ts";
import { checkpointFileName, readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { Endpoint } from "./endpoint.ts";
import type { EventLog } from "./events.ts";
import { PodDevices } from "./pod-devices.ts";

/** How long a stopped resource keeps its capacity, ms: types.go, endpointStopGracePeriod. */
export const endpointStopGracePeriodMs = 5 * 60_000;

/** What the device manager needs from its kubelet. */
export interface DeviceManagerContext {
  /** The device-plugins directory, for the checkpoint. */
  readonly directory: string;
  readonly clock: Clock;
  readonly events: EventLog;
  readonly log: Logger;
  /** UIDs of the pods that have not ended. */
  activePods(): ReadonlySet<string>;
}

export interface ResourceCounts {
  /** Healthy and unhealthy devices. */
  readonly capacity: number;
  /** Healthy devices. */
  readonly allocatable: number;
}

/**
 * The kubelet's device manager: every device, its health, and the container that owns it. manager.go.
 * A resource's endpoint is absent (never registered, or expired), running, or stopped (its plugin is gone;
 * the devices stay listed as unhealthy for {@link endpointStopGracePeriodMs}).
 */
export class DeviceManager {
  readonly endpoints = new Map<string, Endpoint>();
  readonly all = new Map<string, Map<string, Device>>();
  readonly healthy = new Map<string, Set<string>>();
  readonly unhealthy = new Map<string, Set<string>>();
  /** Allocated IDs by resource: those in {@link podDevices} and those of an allocation under way. */
  allocated = new Map<string, Set<string>>();
  readonly podDevices = new PodDevices();
  /** False from the kubelet's start until it has admitted the pods of before. */
  sourcesReady = false;
  /** How often the checkpoint was written. */
  checkpointWrites = 0;
  readonly #context: DeviceManagerContext;

  constructor(context: DeviceManagerContext) {
    this.#context = context;
  }

  /** Reads the predecessor's checkpoint: its resources have no devices and stopped endpoints. */
  readCheckpoint(): void {
    try {
      const data = readCheckpoint(this.#context.directory);
      if (data === undefined) return;
      this.podDevices.fromCheckpoint(data.PodDeviceEntries ?? []);
      this.allocated = this.podDevices.byResource();
      for (const resource of Object.keys(data.RegisteredDevices)) {
        this.healthy.set(resource, new Set());
        this.unhealthy.set(resource, new Set());
        this.endpoints.set(resource, Endpoint.stopped(resource, this.#context.clock.now()));
      }
    } catch (error) {
      this.#context.log.error("Checkpoint unreadable, starting without it", {
        error: String(error),
      });
    }
  }

  writeCheckpoint(): void {
    this.checkpointWrites += 1;
    writeCheckpoint(this.#context.directory, {
      PodDeviceEntries: this.podDevices.toCheckpoint(),
      RegisteredDevices: Object.fromEntries(
        [...this.healthy].map(([resource, ids]) => [resource, [...ids]]),
      ),
    });
  }

  pluginConnected(endpoint: Endpoint): void {
    this.endpoints.set(endpoint.resource, endpoint);
  }

  /** Stops the resource's current endpoint, even if the stream of another one ended. */
  pluginDisconnected(resource: string): void {
    const endpoint = this.endpoints.get(resource);
    if (endpoint === undefined) return;
    this.unhealthy.set(
      resource,
      this.#of(this.unhealthy, resource).union(this.#of(this.healthy, resource)),
    );
    this.healthy.set(resource, new Set());
    endpoint.stopTimeMs = this.#context.clock.now();
    this.#context.events.emit({ type: "endpoint_stopped", resource });
  }

  /** Replaces all devices of the resource, even while its endpoint is stopped. */
  listReceived(resource: string, devices: readonly Device[]): void {
    this.all.set(resource, new Map(devices.map((device) => [device.ID, device])));
    const isHealthy = (device: Device) => device.health === "Healthy";
    this.healthy.set(resource, ids(devices.filter(isHealthy)));
    this.unhealthy.set(resource, ids(devices.filter((device) => !isHealthy(device))));
    try {
      this.writeCheckpoint();
    } catch (error) {
      this.#context.log.error("Checkpoint not written", { error: String(error) });
    }
  }

  /** Capacity and allocatable of a resource, as in the node's status; zeros if unknown. */
  counts(resource: string): ResourceCounts {
    this.expireStopped();
    const allocatable = this.#of(this.healthy, resource).size;
    return { allocatable, capacity: allocatable + this.#of(this.unhealthy, resource).size };
  }

  /**
   * Forgets resources whose grace period is over. The real kubelet does so when it syncs the node's status
   * (every 10 s), this one before every read.
   */
  expireStopped(): void {
    const now = this.#context.clock.now();
    for (const [resource, { stopTimeMs }] of this.endpoints) {
      if (stopTimeMs === undefined || now - stopTimeMs <= endpointStopGracePeriodMs) continue;
      this.endpoints.delete(resource);
      this.healthy.delete(resource);
      this.unhealthy.delete(resource);
      this.writeCheckpoint();
      this.#context.events.emit({ type: "resource_expired", resource });
    }
  }

  /** False for a resource neither registered nor allocated: the kubelet ignores it as a cluster-level one. */
  isDevicePluginResource(resource: string): boolean {
    this.expireStopped();
    return this.healthy.has(resource) || this.allocated.has(resource);
  }

  /** Frees the devices of pods that have ended. */
  updateAllocatedDevices(): void {
    if (!this.sourcesReady) return;
    const ended = this.podDevices.podUids().difference(this.#context.activePods());
    if (ended.size === 0) return;
    this.podDevices.deletePods(ended);
    this.restoreAllocated();
  }

  /** Drops the IDs of an allocation that failed half way. */
  restoreAllocated(): void {
    this.allocated = this.podDevices.byResource();
  }

  #of(sets: ReadonlyMap<string, Set<string>>, resource: string): Set<string> {
    return sets.get(resource) ?? new Set();
  }
}

function ids(devices: readonly Device[]): Set<string> {
  return new Set(devices.map((device) => device.ID));
}

/** Empties the device-plugins directory as a starting kubelet does: manager.go, CleanupPluginDirectory. */
export function cleanupPluginDirectory(directory: string, kind: KubeletBehaviour["cleanup"]): void {
  for (const name of readdirSync(directory)) {
    if (name === checkpointFileName) continue;
    const path = join(directory, name);
    // Through symbolic links: a link to a socket counts as one, a dangling link stays.
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || stat.isDirectory()) continue;
    if (kind === "all_files" || stat.isSocket()) {
      rmSync(path, { force: true });
    }
  }
}
