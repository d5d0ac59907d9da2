import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, systemClock } from "../../src/common/clock.ts";
import {
  behaviourOf,
  type KubeletBehaviour,
  type KubeletVersion,
} from "../../src/simulator/behaviour.ts";
import { EmbeddedKubelet, type EmbeddedKubeletOptions } from "../../src/simulator/kubelet.ts";
import { FakePlugin, type FakePluginBehaviour } from "./fake-plugin.ts";

/** The default devices of a fixture's plugins. */
export const fixtureIds = ["video10", "video11", "video12"];

/** A clock that can be advanced; sleeping takes real time. */
export class ForwardClock implements Clock {
  readonly sleep = systemClock.sleep;
  #ahead = 0;

  now(): number {
    return Date.now() + this.#ahead;
  }

  forward(ms: number): void {
    this.#ahead += ms;
  }
}

/** A kubelet in a temporary directory, and plugins for it; for tests of the simulator. */
export class KubeletFixture {
  readonly base = mkdtempSync(join(tmpdir(), "kubelet-"));
  readonly clock = new ForwardClock();
  readonly kubelet: EmbeddedKubelet;
  readonly #plugins: FakePlugin[] = [];

  constructor(
    version: KubeletVersion = "1.33",
    behaviour: Partial<KubeletBehaviour> = {},
    options: Partial<EmbeddedKubeletOptions> = {},
  ) {
    this.kubelet = new EmbeddedKubelet({
      dir: this.pluginDirectory,
      podResourcesDir: join(this.base, "pod-resources"),
      behaviour: { ...behaviourOf(version), ...behaviour },
      clock: this.clock,
      containerRetryMs: 20,
      ...options,
    });
  }

  get pluginDirectory(): string {
    return join(this.base, "device-plugins");
  }

  plugin(name = "fake.sock", behaviour: Partial<FakePluginBehaviour> = {}, ids = fixtureIds) {
    const plugin = new FakePlugin(join(this.pluginDirectory, name), ids, behaviour);
    this.#plugins.push(plugin);
    return plugin;
  }

  /** Starts the kubelet and a plugin, and waits for the plugin's list. */
  async ready(behaviour: Partial<FakePluginBehaviour> = {}): Promise<FakePlugin> {
    await this.kubelet.start();
    const plugin = this.plugin("fake.sock", behaviour);
    await plugin.start();
    await this.allocatable(fixtureIds.length);
    return plugin;
  }

  /** Waits for that number of allocatable devices. */
  async allocatable(count: number): Promise<void> {
    const seen = () => this.kubelet.resources().allocatable === count;
    await this.kubelet.until(seen, 15_000, `${count} allocatable devices`);
  }

  /** Adds a pod of one container. */
  runPod(name: string, devices = 1) {
    return this.kubelet.addPod({ name, containers: [{ name: "app", devices }] });
  }

  [Symbol.dispose](): void {
    this.kubelet.stop();
    for (const plugin of this.#plugins) plugin.kill();
    rmSync(this.base, { recursive: true, force: true });
  }
}

/** True if a server accepts on a unix socket. */
export function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/**
 * The error that a promise rejects with. Replaces `expect(promise).rejects`, for which Bun runs a nested event
 * loop that starves `process.nextTick`, and with it new gRPC connections.
 */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}
