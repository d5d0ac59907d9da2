import assert from "node:assert/strict";
import type { InitRequest, PodRequest, PodView, ResourceCount, TestNode } from "./node.ts";

/** The plugin under test, as a process. */
export interface PluginControl {
  /** All device IDs, in ascending number. */
  readonly ids: readonly string[];
  /** True if its process runs. */
  readonly running: boolean;
  /** Starts the process; need not wait for its registration. */
  start(): Promise<void>;
  /** Sends the signal and resolves with the exit code once the process is gone; null if a signal killed it. */
  stop(signal: "SIGTERM" | "SIGINT"): Promise<number | null>;
  /** SIGKILL; resolves once the process is gone. */
  kill(): Promise<void>;
  /** Makes a free device fail in the plugin's driver. */
  sicken(id: string): Promise<void>;
  /** Undoes {@link sicken}; harmless on a healthy device. */
  heal(id: string): Promise<void>;
}

/** The parts of a scenario. The node's kubelet runs when it starts. */
export interface ScenarioContext<
  Node extends TestNode = TestNode,
  Plugin extends PluginControl = PluginControl,
> {
  readonly node: Node;
  readonly plugin: Plugin;
  /** Longest wait for anything, milliseconds. Default {@link patienceOfRealNodes}; keep it under the runner's timeout. */
  readonly patienceMs?: number;
}

/** A node's status lags by up to a minute: kubernetes test/e2e_node/device_plugin_test.go waits as long. */
export const patienceOfRealNodes = 90_000;

/** Longest time between two polls, milliseconds; the pod-resources API answers 100 calls a second, and bursts of 10. */
const lookEveryMs = 100;

/** Repeats `attempt` until it doesn't throw, for `patienceMs` at most; then throws its last error. */
export async function eventually<T>(attempt: () => Promise<T>, patienceMs: number): Promise<T> {
  const giveUpAt = Date.now() + patienceMs;
  for (let waitMs = 10; ; waitMs = Math.min(2 * waitMs, lookEveryMs)) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() >= giveUpAt) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

/** One scenario's access to node and plugin: waits for their states, and cleans up. */
export class Stage<Node extends TestNode = TestNode, Plugin extends PluginControl = PluginControl> {
  readonly node: Node;
  readonly plugin: Plugin;
  readonly #patienceMs: number;
  readonly #pods = new Set<string>();

  constructor({ node, plugin, patienceMs = patienceOfRealNodes }: ScenarioContext<Node, Plugin>) {
    this.node = node;
    this.plugin = plugin;
    this.#patienceMs = patienceMs;
  }

  /** Repeats `attempt` until it doesn't throw, within the scenario's patience. */
  eventually<T>(attempt: () => Promise<T>): Promise<T> {
    return eventually(attempt, this.#patienceMs);
  }

  /** Number of devices. */
  get total(): number {
    return this.plugin.ids.length;
  }

  /** Waits until the kubelet counts so many devices, of the plugin's resource by default. */
  async showsResources(expected: ResourceCount, resource?: string): Promise<void> {
    await this.eventually(async () =>
      assert.deepEqual(await this.node.resources(resource), expected),
    );
  }

  /** Waits until capacity and allocatable are all devices. */
  async showsAllDevices(): Promise<void> {
    await this.showsResources({ capacity: this.total, allocatable: this.total });
  }

  /** As {@link showsAllDevices}, and checks that it lasts, after all pending messages have arrived. */
  async settlesAtAllDevices(): Promise<void> {
    await this.eventually(async () => {
      const all = { capacity: this.total, allocatable: this.total };
      assert.deepEqual(await this.node.resources(), all);
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.deepEqual(await this.node.resources(), all);
    });
  }

  /** Creates a pod and waits until it runs. */
  async runPod(name: string, devices: number, others?: PodRequest["others"]): Promise<PodView> {
    await this.createPod(name, devices, others);
    return this.podRuns(name);
  }

  async createPod(name: string, devices: number, others?: PodRequest["others"]): Promise<void> {
    this.#pods.add(name);
    await this.node.createPod({ name, devices, ...(others && { others }) });
  }

  /** A pod whose container requests one device, after an init container that requests some. */
  async runPodWithInit(name: string, init: InitRequest): Promise<PodView> {
    this.#pods.add(name);
    await this.node.createPod({ name, devices: 1, init });
    return this.podRuns(name);
  }

  /** Waits until the pod runs and its container has reported its devices. */
  podRuns(name: string): Promise<PodView> {
    return this.eventually(async () => {
      const pod = await this.#pod(name);
      assert.equal(pod.phase, "Running", describe(pod));
      assert.ok(pod.containerId, `${name} has no container yet`);
      assert.ok(pod.env["VIDEO_DEVICES"], `${name} has not reported its environment yet`);
      return pod;
    });
  }

  /** Waits until the pod was rejected. */
  podFails(name: string): Promise<PodView> {
    return this.eventually(async () => {
      const pod = await this.#pod(name);
      assert.equal(pod.phase, "Failed", describe(pod));
      return pod;
    });
  }

  /** Checks that the pod still runs in the same container. */
  async isUntouched(before: PodView): Promise<void> {
    await this.eventually(async () => {
      const now = await this.#pod(before.name);
      assert.equal(now.phase, "Running", describe(now));
      assert.equal(now.containerId, before.containerId, `${before.name} has another container`);
      assert.deepEqual(now.env, before.env);
      assert.deepEqual(now.deviceNodes, before.deviceNodes);
    });
  }

  /** Waits until exactly `pods` own devices; returns the sorted IDs by pod. */
  allocationsOf(...pods: string[]): Promise<Record<string, string[]>> {
    return this.eventually(async () => {
      const allocations = await this.node.allocations();
      assert.deepEqual(Object.keys(allocations).sort(), pods.toSorted());
      return Object.fromEntries(
        Object.entries(allocations).map(([pod, ids]) => [pod, ids.toSorted(byNumber)]),
      );
    });
  }

  /** Runs `play` while no kubelet runs, and starts it again even after a failure. */
  async withoutKubelet(play: () => Promise<void>): Promise<void> {
    await this.node.stopKubelet();
    try {
      await play();
    } finally {
      await this.node.startKubelet();
    }
  }

  async deletePod(name: string): Promise<void> {
    await this.node.deletePod(name);
    this.#pods.delete(name);
  }

  /** Restores kubelet, plugin and devices after another scenario, and removes its pods. */
  async prepare(): Promise<void> {
    for (const id of this.plugin.ids) await this.plugin.heal(id);
    if (!this.plugin.running) await this.plugin.start();
    await this.showsAllDevices();
    await this.allocationsOf();
  }

  async cleanUp(): Promise<void> {
    for (const name of [...this.#pods]) await this.deletePod(name);
    for (const id of this.plugin.ids) await this.plugin.heal(id);
  }

  async #pod(name: string): Promise<PodView> {
    const pod = await this.node.pod(name);
    assert.ok(pod, `the node knows no pod ${name}`);
    return pod;
  }
}

/** The number at the end of a device ID or of a node's path. */
export function numberOf(name: string): number {
  return Number(/\d+$/.exec(name)?.[0]);
}

/** Orders IDs and paths by number: video9 before video10. */
export function byNumber(a: string, b: string): number {
  return numberOf(a) - numberOf(b);
}

function describe(pod: PodView): string {
  return `${pod.name} is ${pod.phase}: ${pod.reason ?? ""} ${pod.message ?? ""}`;
}
