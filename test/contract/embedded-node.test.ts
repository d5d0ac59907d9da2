import { afterAll, beforeAll, describe, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { behaviourOf, type KubeletVersion } from "../../src/simulator/behaviour.ts";
import { patienceMs } from "../support/eventually.ts";
import { FakePlugin } from "../support/fake-plugin.ts";
import { EmbeddedNode } from "./embedded-node.ts";
import { kubeletScenarios } from "./kubelet-scenarios.ts";
import type { PluginControl } from "./kubelet-scenarios-stage.ts";

const ids = Array.from({ length: 8 }, (_, index) => `video${index + 10}`);

/** A plugin in this process that registers again whenever the kubelet starts. */
class FakeControl implements PluginControl {
  readonly ids = ids;
  running = false;
  readonly #node: EmbeddedNode;
  readonly #plugin: FakePlugin;

  constructor(node: EmbeddedNode) {
    for (const id of ids) writeFileSync(join(node.workDir, id), "");
    this.#node = node;
    this.#plugin = new FakePlugin(join(dirname(node.kubeletSocket), "fake.sock"), ids, {
      hostPath: (id) => join(node.workDir, id),
    });
    node.kubelet.events.listen(({ type }) => {
      if (type !== "kubelet_started" || !this.running) return;
      this.#plugin.kill();
      this.#plugin.start();
    });
  }

  async start(): Promise<void> {
    this.running = true;
    if (this.#node.kubelet.running) await this.#plugin.start();
  }

  async stop(): Promise<number> {
    await this.kill();
    return 0;
  }

  async kill(): Promise<void> {
    this.running = false;
    this.#plugin.kill();
  }

  async sicken(id: string): Promise<void> {
    this.#plugin.setHealth(id, "Unhealthy");
  }

  async heal(id: string): Promise<void> {
    this.#plugin.setHealth(id, "Healthy");
  }
}

describe.each(["1.26", "1.33", "1.37"] as KubeletVersion[])("embedded kubelet %s", (version) => {
  let node: EmbeddedNode;
  let plugin: FakeControl;

  beforeAll(async () => {
    node = new EmbeddedNode({ behaviour: behaviourOf(version) });
    plugin = new FakeControl(node);
    await node.startKubelet();
  });

  afterAll(async () => {
    await plugin.kill();
    await node.close();
  });

  for (const scenario of kubeletScenarios) {
    test(scenario.name, () => scenario.run({ node, plugin, patienceMs }), 2 * patienceMs);
  }
});
