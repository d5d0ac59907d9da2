import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { PluginBinary } from "../support/plugin-binary.ts";
import { type Scenario, scenario } from "./kubelet-scenarios.ts";
import type { Stage } from "./kubelet-scenarios-stage.ts";
import type { TestNode } from "./node.ts";

type BinaryStage = Stage<TestNode, PluginBinary>;

/** Names of the plugins' sockets in the kubelet's directory. */
function pluginSockets({ node }: BinaryStage): string[] {
  return readdirSync(dirname(node.kubeletSocket), { withFileTypes: true })
    .filter((entry) => entry.isSocket() && entry.name !== basename(node.kubeletSocket))
    .map(({ name }) => name);
}

/** Runs `play` with a second instance that registered after the first one. */
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

/** Scenarios of a node with several instances of the plugin, running or dead. */
export const instanceScenarios: readonly Scenario<TestNode, PluginBinary>[] = [
  scenario("a killed plugin's socket is removed by the next instance", async (stage) => {
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

  scenario("the newer of two instances keeps serving when the older one ends", async (stage) => {
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
 * Scenarios in which a kubelet up to 1.36 forgets an instance whose stream it keeps open. The plugin notices
 * with two calls of the pod-resources API, 10 s apart; kubelets from 1.37 on don't forget it.
 */
export const forgottenInstanceScenarios: readonly Scenario<TestNode, PluginBinary>[] = [
  scenario("the older of two instances keeps serving when the newer one ends", async (stage) => {
    const pod = await stage.runPod("one", 1);
    await withSecond(stage, async (second) => {
      await second.stop("SIGTERM");
      await stage.settlesAtAllDevices();
      await stage.runPod("two", 2);
      await stage.isUntouched(pod);
    });
  }),

  scenario(
    "two instances and a restarted kubelet end with all devices allocatable",
    async (stage) => {
      await withSecond(stage, async (second) => {
        await stage.node.stopKubelet();
        await stage.node.startKubelet();
        await stage.settlesAtAllDevices();
        await stage.plugin.kill();
        await stage.settlesAtAllDevices();
        await stage.runPod("one", 1);
        assert.ok(second.running);
      });
    },
  ),
];
