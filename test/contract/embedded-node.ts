import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { PodResourcesLister } from "../../src/gen/kubelet/podresources/v1/api_pb.ts";
import { createSocketTransport } from "../../src/grpc/transport.ts";
import { EmbeddedKubelet, type EmbeddedKubeletOptions } from "../../src/simulator/kubelet.ts";
import type { ContainerSettings } from "../../src/simulator/pod.ts";
import {
  listedPaths,
  type PodRequest,
  type PodView,
  type ResourceCount,
  shownVariables,
  type TestNode,
} from "./node.ts";

/** A node of `src/simulator` in a temporary directory, stopped at first. */
export class EmbeddedNode implements TestNode {
  readonly name: string;
  readonly workDir: string;
  /** The kubelet itself, for what a {@link TestNode} doesn't offer: events, faults, several containers. */
  readonly kubelet: EmbeddedKubelet;
  readonly #directory: string;

  constructor(options: Partial<EmbeddedKubeletOptions> = {}) {
    this.#directory = mkdtempSync(join(tmpdir(), "node-"));
    this.workDir = join(this.#directory, "work");
    mkdirSync(this.workDir);
    // A starting plugin may be quicker than the node, and every real one has this directory.
    mkdirSync(join(this.#directory, "device-plugins"), { mode: 0o750 });
    this.kubelet = new EmbeddedKubelet({
      dir: join(this.#directory, "device-plugins"),
      podResourcesDir: join(this.#directory, "pod-resources"),
      containerRetryMs: 200,
      ...options,
    });
    this.name = `embedded kubelet ${this.kubelet.behaviour.version}`;
  }

  get kubeletSocket(): string {
    return this.kubelet.socket;
  }

  get podResourcesSocket(): string {
    return this.kubelet.podResourcesSocket;
  }

  startKubelet(): Promise<void> {
    return this.kubelet.start();
  }

  async stopKubelet(): Promise<void> {
    this.kubelet.stop();
  }

  async createPod({ name, devices, others, init }: PodRequest): Promise<void> {
    if (this.kubelet.pod(name) !== undefined) throw new Error(`there is a pod ${name}`);
    const limits = { ...(devices > 0 && { [this.kubelet.resourceName]: devices }), ...others };
    // Not awaited: admission may hang in the plugin.
    void this.kubelet.addPod({
      name,
      containers: [
        ...(init
          ? [{ name: "first", devices: init.devices, init: true, restartable: init.sidecar }]
          : []),
        { name: "app", devices: limits },
      ],
    });
  }

  async deletePod(name: string): Promise<void> {
    if (this.kubelet.pod(name) === undefined) return;
    this.kubelet.removePod(name);
  }

  async pod(name: string): Promise<PodView | undefined> {
    const pod = this.kubelet.pod(name);
    if (pod === undefined) return undefined;
    const { phase, containers } = pod;
    const container = containers.at(-1);
    // An admitted pod that can't start its container has the reason only there.
    const { reason, message } = phase === "Failed" ? pod : { ...container };
    const env = Object.entries(container?.settings.env ?? {}).filter(([key]) =>
      shownVariables.includes(key),
    );
    return {
      name,
      phase,
      ...(reason === undefined ? {} : { reason }),
      ...(message === undefined ? {} : { message }),
      ...(container?.containerId === undefined ? {} : { containerId: container.containerId }),
      env: Object.fromEntries(env),
      deviceNodes: container === undefined ? [] : deviceNodes(container.settings),
    };
  }

  async resources(resource?: string): Promise<ResourceCount> {
    return this.kubelet.resources(resource);
  }

  async allocations(): Promise<Record<string, string[]>> {
    const transport = createSocketTransport(this.podResourcesSocket);
    try {
      const { podResources } = await createClient(PodResourcesLister, transport).list({});
      const held = podResources.map(({ name, containers }): [string, string[]] => {
        const devices = containers
          .flatMap((container) => container.devices)
          .filter(({ resourceName }) => resourceName === this.kubelet.resourceName);
        return [name, devices.flatMap(({ deviceIds }) => deviceIds)];
      });
      // Up to 1.33, ended pods are listed as well, without devices.
      return Object.fromEntries(held.filter(([, ids]) => ids.length > 0));
    } finally {
      transport.close();
    }
  }

  async close(): Promise<void> {
    this.kubelet.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** The listed paths that the container got; a plain file stands for a node the test may not create. */
function deviceNodes({ env, devices }: ContainerSettings): string[] {
  return listedPaths(env).filter((path) => {
    const device = devices.find(({ containerPath }) => containerPath === path);
    const stat = device && statSync(device.hostPath, { throwIfNoEntry: false });
    return stat?.isCharacterDevice() === true || stat?.isFile() === true;
  });
}
