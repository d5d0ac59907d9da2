import { randomUUID } from "node:crypto";
import { statSync } from "node:fs";
import { shuffled } from "./go.ts";
import type { ContainerSettings } from "./pod.ts";

/** A container as the runtime knows it. */
export interface RuntimeContainer {
  readonly id: string;
  readonly podUid: string;
  readonly name: string;
  running: boolean;
  readonly settings: ContainerSettings;
  /** How many containers of the same name came before. */
  readonly restarts: number;
}

/** Dead predecessors kept for each container: the default of MaxPerPodContainerCount, cmd/kubelet/app/options. */
const deadContainersKept = 1;

/**
 * The container runtime of a simulated node, which outlives the kubelet. Creating a container only checks
 * its devices as the runtime does; no process runs in it.
 */
export class ContainerRuntime {
  /** Newest last. */
  #containers: RuntimeContainer[] = [];

  /** Creates and starts a container; throws if a device's host path is missing. */
  create(podUid: string, name: string, settings: ContainerSettings): RuntimeContainer {
    for (const { hostPath } of [...settings.devices, ...settings.mounts]) {
      // As containerd does, on the host and through symbolic links.
      if (statSync(hostPath, { throwIfNoEntry: false }) === undefined) {
        throw new Error(
          `failed to generate container spec: failed to stat "${hostPath}": no such file or directory`,
        );
      }
    }
    const restarts = (this.latest(podUid, name)?.restarts ?? -1) + 1;
    const container = { id: randomUUID(), podUid, name, running: true, settings, restarts };
    const older = this.#of(podUid, name).slice(0, -deadContainersKept);
    this.#containers = this.#containers.filter((one) => !older.includes(one)).concat(container);
    return container;
  }

  /** The newest container of that name, running or not. */
  latest(podUid: string, name: string): RuntimeContainer | undefined {
    return this.#of(podUid, name).at(-1);
  }

  isRunning(podUid: string, name: string): boolean {
    return this.latest(podUid, name)?.running === true;
  }

  exit(podUid: string, name: string): void {
    const container = this.latest(podUid, name);
    if (container !== undefined) container.running = false;
  }

  exitAll(podUid?: string): void {
    for (const container of this.#containers) {
      if (podUid === undefined || container.podUid === podUid) container.running = false;
    }
  }

  removePod(podUid: string): void {
    this.#containers = this.#containers.filter((one) => one.podUid !== podUid);
  }

  /**
   * Which containers a starting kubelet finds running. Unless `looksAtLatest`, it may mistake a dead
   * predecessor for the container (containermap.go, GetContainerID: the first of a Go map).
   */
  snapshot(
    looksAtLatest: boolean,
    random: () => number,
  ): (podUid: string, name: string) => boolean {
    const seen = this.#containers.map((container) => ({ ...container }));
    return (podUid, name) => {
      const candidates = seen.filter((one) => one.podUid === podUid && one.name === name);
      const container = looksAtLatest ? candidates.at(-1) : shuffled(candidates, random)[0];
      return container?.running === true;
    };
  }

  #of(podUid: string, name: string): RuntimeContainer[] {
    return this.#containers.filter((one) => one.podUid === podUid && one.name === name);
  }
}
