import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { PluginBinary } from "../support/plugin-binary.ts";
import { type Scenario, scenario } from "./kubelet-scenarios.ts";
import type { Stage } from "./kubelet-scenarios-stage.ts";
import type { TestNode } from "./node.ts";

type BinaryStage = Stage<TestNode, PluginBinary>;

/** Names of the sockets in the kubelet's directory that are not its own. */
function pluginSockets({ node }: BinaryStage): string[] {
  return readdirSync(dirname(node.kubeletSocket), { withFileTypes: true })
    .filter((entry) => entry.isSocket() && entry.name !== basename(node.kubeletSocket))
    .map(({ name }) => name);
}

/** Plays with a second instance that has registered after the first one. */
async function withSecond(
  stage: BinaryStage,
  play: (second: PluginBinary) => Promise<void>,
): Promise<void> {
  const second = new PluginBinary(stage.node, { name: "second" });
  await second.explaining(async () => {
    try {
      await second.start();
      await stage.eventually(async () => {
        assert.equal(second.log.saying("Registered with the kubelet").length, 1);
      });
      await stage.settlesAtAllDevices();
      await play(second);
    } finally {
      await second.stop("SIGTERM");
    }
    second.assertCleanOutput();
  });
}

/** What becomes of a node with several instances of the plugin, living or dead. */
export const instanceScenarios: readonly Scenario<TestNode, PluginBinary>[] = [
  scenario("a killed plugin's socket is gone when the next one runs", async (stage) => {
    const [left = ""] = pluginSockets(stage);
    await stage.plugin.kill();
    assert.deepEqual(pluginSockets(stage), [left]);

    await stage.plugin.start();
    await stage.settlesAtAllDevices();
    assert.equal(pluginSockets(stage).length, 1);
    assert.notEqual(pluginSockets(stage)[0], left);
  }),

  scenario("SIGTERM leaves no socket", async (stage) => {
    await stage.plugin.stop("SIGTERM");
    assert.deepEqual(pluginSockets(stage), []);
  }),

  scenario("the newer of two instances carries on when the older one ends", async (stage) => {
    const pod = await stage.runPod("one", 1);
    await withSecond(stage, async () => {
      await stage.plugin.stop("SIGTERM");
      await stage.settlesAtAllDevices();
      await stage.runPod("two", 2);
      await stage.isUntouched(pod);
    });
  }),
];

/**
 * Scenarios in which a kubelet up to 1.36 forgets an instance whose stream it keeps open. The plugin finds
 * out by asking the pod-resources API twice, 10 s apart; from 1.37 on there is nothing to find out.
 */
export const forgottenInstanceScenarios: readonly Scenario<TestNode, PluginBinary>[] = [
  scenario("the older of two instances carries on when the newer one ends", async (stage) => {
    const pod = await stage.runPod("one", 1);
    await withSecond(stage, async (second) => {
      await second.stop("SIGTERM");
      await stage.settlesAtAllDevices();
      await stage.runPod("two", 2);
      await stage.isUntouched(pod);
    });
  }),

  scenario("two instances and a kubelet that restarts end with every device", async (stage) => {
    await withSecond(stage, async (second) => {
      await stage.node.stopKubelet();
      await stage.node.startKubelet();
      await stage.settlesAtAllDevices();
      await stage.plugin.kill();
      await stage.settlesAtAllDevices();
      await stage.runPod("one", 1);
      assert.ok(second.running);
    });
  }),
];
