import { join } from "node:path";
import { type Clock, systemClock } from "../common/clock.ts";
import { type Logger, silentLogger } from "../common/logger.ts";
import {
  behaviourOf,
  defaultVersion,
  type KubeletBehaviour,
  type KubeletFaults,
  noFaults,
} from "./behaviour.ts";
import { ContainerRuntime } from "./container-runtime.ts";
import type { DeviceManager, ResourceCounts } from "./device-manager.ts";
import { EventLog } from "./events.ts";
import { KubeletProcess, kubeletSocketName } from "./kubelet-process.ts";
import { type PodSpec, type PodStatus, podFrom } from "./pod.ts";
import { idsOf } from "./pod-devices.ts";
import { isActive, type PodRecord, statusOf } from "./pod-record.ts";

/** Options of {@link EmbeddedKubelet}. */
export interface EmbeddedKubeletOptions {
  /** The device-plugins directory, created if missing; `/var/lib/kubelet/device-plugins` on a node. */
  dir: string;
  /** Directory of the pod-resources socket; `/var/lib/kubelet/pod-resources` on a node. */
  podResourcesDir: string;
  /** Default: that of Kubernetes 1.33. */
  behaviour?: KubeletBehaviour;
  /** The resource of pods that name none. Default `meeting-baas.io/video-devices`. */
  resourceName?: string;
  log?: Logger;
  clock?: Clock;
  /** In [0, 1); decides the order of device IDs. Default `Math.random`. */
  random?: () => number;
  /** Longest wait for a plugin's socket, milliseconds. Default 10 000: plugin/v1beta1/client.go, dial. */
  dialTimeoutMs?: number;
  /** Wait before a container is tried again, milliseconds. Default 10 000: kubelet.go, backOffPeriod. */
  containerRetryMs?: number;
}

export interface StartOptions {
  /**
   * The kubelet admits the pods of before again once this resolves; by default at once. A starting node
   * doesn't order plugins and pods, so a test may wait for the plugin's registration here.
   */
  podsAfter?: () => Promise<unknown>;
}

/**
 * A node with a kubelet, as a device plugin sees it: registration, device manager, admission of pods,
 * checkpoint, pod-resources API. The kubelet is stopped or running, and can be started and stopped any
 * number of times; pods and containers survive that.
 */
export class EmbeddedKubelet {
  readonly events = new EventLog();
  readonly faults: KubeletFaults = noFaults();
  /** The behaviour from the kubelet's next start on; a running one keeps its own. */
  behaviour: KubeletBehaviour;
  readonly resourceName: string;
  /** Where plugins call Register. */
  readonly socket: string;
  readonly podResourcesSocket: string;
  readonly #options: EmbeddedKubeletOptions;
  readonly #runtime = new ContainerRuntime();
  readonly #pods = new Map<string, PodRecord>();
  #process: KubeletProcess | undefined;

  constructor(options: EmbeddedKubeletOptions) {
    this.#options = options;
    this.behaviour = options.behaviour ?? behaviourOf(defaultVersion);
    this.resourceName = options.resourceName ?? "meeting-baas.io/video-devices";
    this.socket = join(options.dir, kubeletSocketName);
    this.podResourcesSocket = join(options.podResourcesDir, kubeletSocketName);
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  /** Resolves when the sockets accept. The pods of before are admitted again in the background. */
  async start({ podsAfter }: StartOptions = {}): Promise<void> {
    if (this.#process !== undefined) throw new Error("the kubelet is running");
    const options = this.#options;
    const process = new KubeletProcess({
      directory: options.dir,
      podResourcesDirectory: options.podResourcesDir,
      behaviour: this.behaviour,
      faults: this.faults,
      runtime: this.#runtime,
      events: this.events,
      log: options.log ?? silentLogger,
      clock: options.clock ?? systemClock,
      random: options.random ?? Math.random,
      dialTimeoutMs: options.dialTimeoutMs ?? 10_000,
      containerRetryMs: options.containerRetryMs ?? 10_000,
      pods: () => [...this.#pods.values()],
      onDeath: (reason) => {
        if (this.#process !== process) return;
        this.events.emit({ type: "kubelet_died", reason });
        this.stop();
      },
    });
    this.#process = process;
    try {
      await process.start();
    } catch (error) {
      process.stop(false);
      if (this.#process === process) this.#process = undefined;
      throw error;
    }
    this.events.emit({ type: "kubelet_started", version: this.behaviour.version });
    process.readmit(podsAfter);
  }

  /**
   * Stops the kubelet like a killed process: connections break at once. The socket files stay, refusing
   * connections, unless `removeSockets`. Containers keep running.
   */
  stop({ removeSockets = false } = {}): void {
    if (this.#process === undefined) return;
    this.#process.stop(removeSockets);
    this.#process = undefined;
    this.events.emit({ type: "kubelet_stopped" });
  }

  async restart(options?: StartOptions): Promise<void> {
    this.stop();
    await this.start(options);
  }

  /** Restarts the node: all containers end, the pods stay. */
  async reboot(options?: StartOptions): Promise<void> {
    this.stop();
    this.#runtime.exitAll();
    await this.start(options);
  }

  /**
   * Binds a pod to the node. Resolves after its admission and the first try to start its containers, even
   * if either failed; at once if the kubelet is stopped (it admits the pod when it starts).
   */
  async addPod(spec: PodSpec): Promise<PodStatus> {
    if (this.#pods.has(spec.name)) throw new Error(`there is a pod ${spec.name}`);
    const pod = podFrom(spec, this.resourceName, this.behaviour.sidecars);
    const record: PodRecord = { pod, phase: "Pending", waiting: new Map() };
    this.#pods.set(spec.name, record);
    await this.#process?.workers.add(record);
    return statusOf(record, this.#runtime);
  }

  /** Deletes a pod: its containers end, and the kubelet frees its devices at its next look. */
  removePod(name: string): void {
    const record = this.#record(name);
    // So that work still under way for the pod starts no container.
    record.phase = "Succeeded";
    this.#runtime.removePod(record.pod.uid);
    this.#pods.delete(name);
    this.events.emit({ type: "pod_removed", pod: name });
  }

  /** Ends all containers of a pod successfully; the pod stays known. */
  completePod(name: string): void {
    const record = this.#record(name);
    record.phase = "Succeeded";
    this.#runtime.exitAll(record.pod.uid);
    this.events.emit({ type: "pod_succeeded", pod: name });
  }

  /**
   * Ends a container and starts it again, without Allocate. Resolves after the first try; if the kubelet is
   * stopped, after the end.
   */
  async restartContainer(pod: string, container?: string): Promise<PodStatus> {
    const record = this.#record(pod);
    const name = container ?? record.pod.containers[0]?.name ?? "";
    this.#runtime.exit(record.pod.uid, name);
    this.events.emit({ type: "container_exited", pod, container: name });
    return this.startContainers(pod);
  }

  /** Tries now to start the pod's containers that don't run, instead of at the next retry. */
  async startContainers(pod: string): Promise<PodStatus> {
    const record = this.#record(pod);
    await this.#process?.workers.sync(record);
    return statusOf(record, this.#runtime);
  }

  /** Undefined if there is no pod of that name. */
  pod(name: string): PodStatus | undefined {
    const record = this.#pods.get(name);
    return record && statusOf(record, this.#runtime);
  }

  get pods(): PodStatus[] {
    return [...this.#pods.values()].map((record) => statusOf(record, this.#runtime));
  }

  /** As in the node's status, without the real one's lag of up to 10 s; zeros while the kubelet is stopped. */
  resources(resource = this.resourceName): ResourceCounts {
    return this.#process?.manager.counts(resource) ?? { capacity: 0, allocatable: 0 };
  }

  /** Allocated device IDs by pod, in no order; empty while the kubelet is stopped. */
  allocations(resource = this.resourceName): Record<string, string[]> {
    const devices = this.#process?.manager.podDevices;
    if (devices === undefined) return {};
    const active = [...this.#pods.values()].filter(isActive);
    return Object.fromEntries(
      active.map(({ pod }) => {
        const allocations = [...pod.initContainers, ...pod.containers].flatMap(({ name }) =>
          devices.ofContainer(pod.uid, name).filter((one) => one.resource === resource),
        );
        return [pod.name, [...new Set(allocations.flatMap((one) => [...idsOf(one)]))]];
      }),
    );
  }

  /** Health of every device of a resource by ID, as in the last list. */
  devices(resource = this.resourceName): Record<string, "Healthy" | "Unhealthy"> {
    const manager = this.#process?.manager;
    const sets = [
      ["Healthy", manager?.healthy.get(resource)],
      ["Unhealthy", manager?.unhealthy.get(resource)],
    ] as const;
    return Object.fromEntries(
      sets.flatMap(([health, ids]) => [...(ids ?? [])].map((id) => [id, health])),
    );
  }

  /** The running kubelet's device manager; throws while it is stopped. */
  get manager(): DeviceManager {
    return this.#running().manager;
  }

  /** Open ListAndWatch streams, by plugin socket. */
  get streams(): { endpoint: string; resource: string; count: number }[] {
    return this.#process?.registration.streams ?? [];
  }

  /** Resolves once `check` returns something other than undefined or false; called after every event. */
  until<T>(check: () => T, timeoutMs = 15_000, what = "condition"): Promise<NonNullable<T>> {
    return this.events.until(check, timeoutMs, what);
  }

  /** Fault: the kubelet cancels all streams and keeps running. */
  dropStreams(): void {
    this.#running().registration.dropStreams();
  }

  /** Fault: the kubelet stops reading its streams, until called with false. */
  pauseStreams(paused = true): void {
    this.#running().registration.pauseStreams(paused);
  }

  /** Fault: stops an endpoint while its stream stays open, as a race can do up to 1.36. */
  makeZombie(resource = this.resourceName): void {
    this.#running().registration.makeZombie(resource);
  }

  /** Fault: replaces `kubelet.sock` although the kubelet is still the same. */
  async recreateSocket(inode: "same" | "new" = "same"): Promise<void> {
    await this.#running().recreateSocket(inode);
  }

  #record(name: string): PodRecord {
    const record = this.#pods.get(name);
    if (record === undefined) throw new Error(`there is no pod ${name}`);
    return record;
  }

  #running(): KubeletProcess {
    if (this.#process === undefined) throw new Error("the kubelet is not running");
    return this.#process;
  }
}
