import { join } from "node:path";
import { type Clock, systemClock } from "../common/clock.ts";
import { type Logger, silentLogger } from "../common/logger.ts";
import { behaviourOf, defaultVersion, type KubeletBehaviour } from "./behaviour.ts";
import { ContainerRuntime } from "./container-runtime.ts";
import type { DeviceManager, ResourceCounts } from "./device-manager.ts";
import { EventLog } from "./events.ts";
import { type KubeletFaults, noFaults } from "./faults.ts";
import { KubeletProcess, kubeletSocketName } from "./kubelet-process.ts";
import { type PodSpec, type PodStatus, podFrom } from "./pod.ts";
import { idsOf } from "./pod-devices.ts";
import { isActive, type PodRecord, statusOf } from "./pod-record.ts";

/** Options of {@link EmbeddedKubelet}. */
export interface EmbeddedKubeletOptions {
  /** The device-plugins directory, made if need be; `/var/lib/kubelet/device-plugins` on a node. */
  dir: string;
  /** Directory of the pod-resources socket; `/var/lib/kubelet/pod-resources` on a node. */
  podResourcesDir: string;
  /** Default: that of Kubernetes 1.33. */
  behaviour?: KubeletBehaviour;
  /** The resource meant where none is named. Default `meeting-baas.io/video-devices`. */
  resourceName?: string;
  log?: Logger;
  clock?: Clock;
  /** In [0, 1); decides the order of device IDs. Default `Math.random`. */
  random?: () => number;
  /** Longest wait for a plugin's socket, ms. Default 10 000: plugin/v1beta1/client.go, dial. */
  dialTimeoutMs?: number;
  /** Wait before a container is tried again, ms. Default 10 000: kubelet.go, backOffPeriod. */
  containerRetryMs?: number;
}

export interface StartOptions {
  /**
   * Awaited before the pods of before are admitted again. Nothing orders plugins and pods on a starting
   * node, so this may be the plugin's registration, or nothing (the default).
   */
  podsAfter?: () => Promise<unknown>;
}

/**
 * A node with a kubelet as device plugins meet it: registration, device manager, admission of pods,
 * checkpoint, pod-resources API. Pods and containers live on while the kubelet is stopped.
 *
 * The kubelet is stopped or running; `start` and `stop` go between the two, any number of times.
 */
export class EmbeddedKubelet {
  readonly events = new EventLog();
  readonly faults: KubeletFaults = noFaults();
  /** What the kubelet's next start will do; the running one keeps what it began with. */
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

  /** Resolves when the sockets accept; the pods of before are admitted again meanwhile. */
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
   * As a process that is killed: connections break at once. The socket files stay, refusing connections,
   * unless `removeSockets`. Nothing happens to containers.
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

  /** The node goes down, containers with it, and comes up with the same pods. */
  async reboot(options?: StartOptions): Promise<void> {
    this.stop();
    this.#runtime.exitAll();
    await this.start(options);
  }

  /**
   * Binds a pod to the node. Resolves after its admission and the first try to start its containers,
   * whatever came of them; at once if the kubelet is stopped (it takes the pod in when it starts).
   */
  async addPod(spec: PodSpec): Promise<PodStatus> {
    if (this.#pods.has(spec.name)) throw new Error(`there is a pod ${spec.name}`);
    const pod = podFrom(spec, this.resourceName, this.behaviour.sidecars);
    const record: PodRecord = { pod, phase: "Pending", waiting: new Map() };
    this.#pods.set(spec.name, record);
    await this.#process?.workers.add(record);
    return statusOf(record, this.#runtime);
  }

  /** Its containers end and the pod is gone; the kubelet frees its devices when it next counts. */
  removePod(name: string): void {
    const record = this.#record(name);
    // Whatever is still under way for it must not start anything.
    record.phase = "Succeeded";
    this.#runtime.removePod(record.pod.uid);
    this.#pods.delete(name);
    this.events.emit({ type: "pod_removed", pod: name });
  }

  /** All its containers end well and are not started again; the pod stays known. */
  completePod(name: string): void {
    const record = this.#record(name);
    record.phase = "Succeeded";
    this.#runtime.exitAll(record.pod.uid);
    this.events.emit({ type: "pod_succeeded", pod: name });
  }

  /**
   * A container ends and is started again, without Allocate. Resolves after the first try; with the
   * kubelet stopped, when it has ended.
   */
  async restartContainer(pod: string, container?: string): Promise<PodStatus> {
    const record = this.#record(pod);
    const name = container ?? record.pod.containers[0]?.name ?? "";
    this.#runtime.exit(record.pod.uid, name);
    this.events.emit({ type: "container_exited", pod, container: name });
    return this.startContainers(pod);
  }

  /** Tries now to start what of the pod does not run, instead of waiting for the next retry. */
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

  /** As the node's status has it, without the 10 s a real one may lag; zeros while the kubelet is stopped. */
  resources(resource = this.resourceName): ResourceCounts {
    return this.#process?.manager.counts(resource) ?? { capacity: 0, allocatable: 0 };
  }

  /** Device IDs held, by pod, in no order; empty while the kubelet is stopped. */
  allocations(resource = this.resourceName): Record<string, string[]> {
    const devices = this.#process?.manager.podDevices;
    if (devices === undefined) return {};
    const active = [...this.#pods.values()].filter(isActive);
    return Object.fromEntries(
      active.map(({ pod }) => {
        const held = [...pod.initContainers, ...pod.containers].flatMap(({ name }) =>
          devices.ofContainer(pod.uid, name).filter((one) => one.resource === resource),
        );
        return [pod.name, [...new Set(held.flatMap((one) => [...idsOf(one)]))]];
      }),
    );
  }

  /** Health of every device of a resource as last heard, by ID. */
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

  /** The books of the running kubelet, for tests that look closer; throws while it is stopped. */
  get manager(): DeviceManager {
    return this.#running().manager;
  }

  /** Open ListAndWatch streams, by plugin socket. */
  get streams(): { endpoint: string; resource: string; count: number }[] {
    return this.#process?.registration.streams ?? [];
  }

  /** Resolves once `check` gives something other than undefined or false; looked at after every event. */
  until<T>(check: () => T, timeoutMs = 15_000, what = "condition"): Promise<NonNullable<T>> {
    return this.events.until(check, timeoutMs, what);
  }

  /** Fault: all streams are cancelled from this side, and the kubelet goes on. */
  dropStreams(): void {
    this.#running().registration.dropStreams();
  }

  /** Fault: streams are no longer read, until called with false. */
  pauseStreams(paused = true): void {
    this.#running().registration.pauseStreams(paused);
  }

  /** Fault: an endpoint that is stopped while its stream stays open, as up to 1.36 a race can leave it. */
  makeZombie(resource = this.resourceName): void {
    this.#running().registration.makeZombie(resource);
  }

  /** Fault: `kubelet.sock` goes and comes again although this is still the same kubelet. */
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
