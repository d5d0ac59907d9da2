import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PodRequest, PodView, ResourceCount, TestNode } from "../contract/node.ts";
import { containerOutput } from "./container-output.ts";
import {
  type ContainerDevices,
  Containerd,
  type ExecResult,
  type RunningContainer,
} from "./containerd.ts";
import { unsupported } from "./environment.ts";
import { busyboxPath } from "./image.ts";
import { Kubelet } from "./kubelet.ts";
import { removeLeftovers, takeMachine } from "./leftovers.ts";
import { nodeStatus } from "./node-status.ts";
import {
  kubeletSocket,
  kubeletVersion,
  manifestDir,
  nodeName,
  podResourcesSocket,
  runDir,
  workDir,
} from "./paths.ts";
import { containerName, podManifest } from "./pod-manifest.ts";
import { allocatableDevices, podsWithDevices } from "./pod-resources.ts";
import { type Pod, podView, viewWithoutKubelet } from "./pod-view.ts";
import { waitFor } from "./wait.ts";

/** How long the kubelet may take to see, start or end a pod, in ms. Its loops take 1 s. */
const patience = 60_000;

/**
 * A node with containerd, or why there can be none on this machine. The kubelet is not started yet.
 * What an earlier run left behind is removed first.
 */
export async function realNodeOrReason(
  resource = "meeting-baas.io/video-devices",
): Promise<RealNode | { skipped: string }> {
  const reason = unsupported();
  const busybox = busyboxPath();
  if (reason !== undefined || busybox === undefined) return { skipped: reason ?? "no busybox" };
  await takeMachine();
  const containerd = new Containerd();
  await containerd.start(busybox);
  return new RealNode(resource, containerd);
}

/**
 * A real kubelet without an API server, with containerd and runc; pods are static pods. One a machine.
 *
 * Differences from a node of a cluster: there is no scheduler, so a pod too many reaches the kubelet and
 * is refused there; and a refused pod, whose end no API server remembers, is tried again by the next kubelet.
 */
export class RealNode implements TestNode {
  readonly name = `kubelet ${kubeletVersion}`;
  readonly kubeletSocket = kubeletSocket;
  readonly podResourcesSocket = podResourcesSocket;
  readonly workDir = workDir;
  readonly #resource: string;
  readonly #containerd: Containerd;
  readonly #kubelet = new Kubelet();
  /** The test's names of existing pods, and the kubelet's. */
  readonly #podNames = new Map<string, string>();

  constructor(resource: string, containerd: Containerd) {
    this.#resource = resource;
    this.#containerd = containerd;
  }

  /** Resolves when the kubelet also knows the pods that are there already. */
  async startKubelet(): Promise<void> {
    await this.#kubelet.start();
    const names = [...this.#podNames.keys()];
    // One that is being deleted has no manifest any more.
    for (const name of names) if (existsSync(this.#manifest(name))) await this.#seen(name);
  }

  async stopKubelet(): Promise<void> {
    await this.#kubelet.stop();
  }

  /** As {@link stopKubelet}, with SIGKILL. */
  async killKubelet(): Promise<void> {
    await this.#kubelet.kill();
  }

  async createPod({ name, devices, others, init }: PodRequest): Promise<void> {
    const limits = { ...(devices > 0 && { [this.#resource]: devices }), ...others };
    const first = init && {
      limits: { [this.#resource]: init.devices },
      isSidecar: init.sidecar,
    };
    await this.createPodOf(name, (unique) => podManifest(unique, limits, first));
  }

  /** A pod of any manifest, made for the name it gets. */
  async createPodOf(name: string, manifest: (uniqueName: string) => object): Promise<void> {
    if (this.#podNames.has(name)) throw new Error(`pod ${name} exists`);
    const unique = uniqueName(name);
    this.#podNames.set(name, `${unique}-${nodeName}`);
    // Renamed into place: the kubelet reads a file as soon as it appears.
    const draft = join(runDir, `draft-${unique}.json`);
    writeFileSync(draft, JSON.stringify(manifest(unique)));
    renameSync(draft, this.#manifest(name));
    await this.#seen(name);
  }

  /** The kubelet's own words on a pod. */
  async status(name: string): Promise<Pod["status"] | undefined> {
    return (await this.#find(this.#podName(name)))?.status;
  }

  async deletePod(name: string): Promise<void> {
    const podName = this.#podNames.get(name);
    if (podName === undefined) return;
    rmSync(this.#manifest(name), { force: true });
    const gone = async () =>
      (await this.#find(podName)) || (await this.#containerd.runsAnythingOf(podName))
        ? undefined
        : true;
    await this.#wait(`pod ${name} is gone`, gone);
    this.#podNames.delete(name);
  }

  async pod(name: string): Promise<PodView | undefined> {
    const podName = this.#podNames.get(name);
    if (podName === undefined) return undefined;
    if (!this.#kubelet.daemon.running) {
      const container = (await this.#containerd.containersOf(podName)).get(containerName);
      return container && viewWithoutKubelet(name, container);
    }
    const pod = await this.#find(podName);
    if (!pod) return undefined;
    const running = pod.status.phase === "Running";
    const containers = running ? await this.#containerd.containersOf(podName) : undefined;
    return podView(name, pod, containers?.get(containerName));
  }

  async resources(resource = this.#resource): Promise<ResourceCount> {
    if (!this.#kubelet.daemon.running) return { capacity: 0, allocatable: 0 };
    return nodeStatus(this.#kubelet, resource);
  }

  async allocations(): Promise<Record<string, string[]>> {
    const names = new Map([...this.#podNames].map(([name, podName]) => [podName, name]));
    const held = await podsWithDevices(this.#resource);
    return Object.fromEntries(held.map(([podName, ids]) => [names.get(podName) ?? podName, ids]));
  }

  /** The pod-resources API's GetAllocatableResources: IDs of the plugin's resource, sorted. */
  allocatable(): Promise<string[]> {
    return allocatableDevices(this.#resource);
  }

  /** What the pod's containers have written so far, the first container's lines first. */
  output(name: string, container = containerName): string[] {
    return containerOutput(this.#podName(name), container);
  }

  /** The pod's running container as containerd has it. */
  async container(name: string, which = containerName): Promise<RunningContainer> {
    const containers = await this.#containerd.containersOf(this.#podName(name));
    const container = containers.get(which);
    if (!container) throw new Error(`pod ${name} has no running container ${which}`);
    return container;
  }

  /** Runs a further process in a container. */
  exec(container: RunningContainer, command: readonly string[]): Promise<ExecResult> {
    return this.#containerd.exec(container.id, command);
  }

  /** Makes an image known, so that pods can be of it. */
  importImage(archive: string): Promise<void> {
    return this.#containerd.importImage(archive);
  }

  /** The kubelet's name of a pod. */
  podName(name: string): string {
    return this.#podName(name);
  }

  /** The devices of a container and the rules of its device cgroup, as runc got them. */
  devicesOf(container: RunningContainer): Promise<ContainerDevices> {
    return this.#containerd.devicesOf(container.id);
  }

  async close(): Promise<void> {
    await this.#kubelet.stop();
    await this.#containerd.stop();
    await removeLeftovers();
  }

  /** The last lines of the kubelet's and containerd's logs, for a failed test's report. */
  logs(): string {
    const daemons = [this.#kubelet.daemon, this.#containerd.daemon];
    return daemons.map((daemon) => `--- ${daemon.log}\n${daemon.tail()}`).join("\n");
  }

  async #seen(name: string): Promise<void> {
    const podName = this.#podNames.get(name) ?? name;
    await this.#wait(`kubelet sees pod ${name}`, async () =>
      (await this.#find(podName))?.status.phase ? true : undefined,
    );
  }

  #podName(name: string): string {
    const podName = this.#podNames.get(name);
    if (podName === undefined) throw new Error(`there is no pod ${name}`);
    return podName;
  }

  #manifest(name: string): string {
    return join(manifestDir, `${name}.json`);
  }

  async #find(podName: string): Promise<Pod | undefined> {
    const { items } = JSON.parse(await this.#kubelet.readOnly("/pods")) as { items: Pod[] | null };
    return items?.find((pod) => pod.metadata.name === podName);
  }

  async #wait(what: string, probe: () => Promise<true | undefined>): Promise<void> {
    await waitFor(what, patience, probe).catch((error: unknown) => {
      throw new Error(`${what}: no\n${this.logs()}`, { cause: error });
    });
  }
}

/**
 * A name never used before, as a Deployment's pods have. A static pod with the name of one that has just ended
 * waits for the kubelet to forget that one, and is checked again after 10 s or more only
 * (`workerBackOffPeriod` in pkg/kubelet/pod_workers.go).
 */
function uniqueName(name: string): string {
  return `${name}-${crypto.randomUUID().slice(0, 8)}`;
}
