import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { PaddedPodResources } from "../support/padded-pod-resources.ts";
import { PluginBinary } from "../support/plugin-binary.ts";
import { type Scenario, scenario } from "./kubelet-scenarios.ts";
import { withPlugin } from "./kubelet-scenarios-options.ts";
import type { Stage } from "./kubelet-scenarios-stage.ts";
import type { TestNode } from "./node.ts";

type BinaryStage = Stage<TestNode, PluginBinary>;

const mib = 1024 * 1024;

/** Calls of List that a scenario waits for: so many that something that is logged for each of them shows. */
const severalCalls = 3;

/** Anonymous memory of the plugin's process, MiB. */
function anonymousMib({ pid }: PluginBinary): number {
  const kib = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}

/** Runs `play` with a plugin whose kubelet has many devices of another resource. */
async function withManyDevices(
  stage: BinaryStage,
  flags: readonly string[],
  play: (plugin: PluginBinary, padded: PaddedPodResources) => Promise<void>,
): Promise<void> {
  const { node } = stage;
  const { kubeletSocket, workDir } = node;
  const padded = new PaddedPodResources(
    join(workDir, "padded", "kubelet.sock"),
    node.podResourcesSocket,
  );
  await padded.start();
  try {
    const paths = { kubeletSocket, workDir, podResourcesSocket: padded.socket };
    const plugin = new PluginBinary(paths, {
      name: "many-devices",
      flags: ["--pod-resources-interval=1", ...flags],
    });
    await withPlugin(stage, plugin, () => play(plugin, padded));
  } finally {
    padded.stop();
  }
}

/** Waits until the plugin has had the answers to several more calls of List. */
async function afterSeveralCalls(stage: BinaryStage, padded: PaddedPodResources): Promise<void> {
  const from = padded.listed;
  await stage.eventually(async () => assert.ok(padded.listed >= from + severalCalls));
}

/** Scenarios of a kubelet whose pod-resources answers are large. */
export const podResourcesScenarios: readonly Scenario<TestNode, PluginBinary>[] = [
  scenario("pod-resources answers of 20 MB are read, in little memory", async (stage) => {
    await withManyDevices(stage, [], async (plugin, padded) => {
      padded.padding = 20_000_000;
      await stage.runPod("one", 1);
      const saying = (msg: string) => plugin.log.saying(msg).length;
      await stage.eventually(async () => assert.equal(saying("Device owned by pod"), 1));
      await afterSeveralCalls(stage, padded);
      // Idle the process has 20 MiB, and with such an answer as objects or in one piece 160 to 480 MiB.
      assert.ok(anonymousMib(plugin) < 120, `${anonymousMib(plugin)} MiB of anonymous memory`);
      await stage.deletePod("one");
      await stage.eventually(async () => assert.equal(saying("Device released by pod"), 1));
      assert.equal(saying("Use of the devices unknown"), 0);
      assert.equal(saying("Registration audit failed"), 0);
    });
  }),

  scenario("pod-resources answers above 64 MiB are one failure, with a remedy", async (stage) => {
    const port = freePort();
    const flags = ["--enable-metrics", "--metrics-address=127.0.0.1", `--metrics-port=${port}`];
    await withManyDevices(stage, flags, async (plugin, padded) => {
      padded.padding = 65 * mib;
      const unknown = () => plugin.log.saying("Use of the devices unknown");
      await stage.eventually(async () => assert.equal(unknown().length, 1));
      await afterSeveralCalls(stage, padded);
      const [line] = unknown();
      assert.equal(unknown().length, 1);
      assert.equal(line?.level, "WARN");
      assert.equal(line?.["reason"], "pod_resources_too_large");
      assert.match(String(line?.["remedy"]), /kubectl get node/);
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      assert.match(
        metrics,
        /^video_device_plugin_pod_resources_errors_total\{method="List",reason="too_large"\} [1-9]/m,
      );
      await stage.runPod("one", 1);

      padded.padding = 0;
      await stage.eventually(async () => {
        const owned = plugin.log
          .entries()
          .filter(({ msg }) => /^Devices? (already )?owned by pods?$/.test(msg));
        assert.equal(owned.length, 1);
      });
    });
  }),
];
