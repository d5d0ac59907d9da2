import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { type MountCommand, withMounts } from "../support/mount-namespace.ts";
import { PluginBinary, pluginProgram } from "../support/plugin-binary.ts";
import { type Scenario, scenario } from "./kubelet-scenarios.ts";
import { withPlugin } from "./kubelet-scenarios-options.ts";
import type { Stage } from "./kubelet-scenarios-stage.ts";
import type { TestNode } from "./node.ts";

type BinaryStage = Stage<TestNode, PluginBinary>;

/** The kubelet's two directories. */
function directoriesOf(node: TestNode) {
  return {
    devicePlugins: dirname(node.kubeletSocket),
    podResources: dirname(node.podResourcesSocket),
  };
}

/** Deletes directories of the stopped kubelet, as `kubeadm reset` does; the next kubelet creates them again. */
function deleteWhileStopped(stage: BinaryStage, ...directories: string[]): Promise<void> {
  return stage.withoutKubelet(async () => {
    for (const directory of directories) rmSync(directory, { recursive: true });
  });
}

/**
 * A container's view: each directory is bound to another path. Such a mount stays at the deleted directory.
 *
 * @returns the node with those paths, and the commands that mount them.
 */
function inContainer(node: TestNode) {
  const { devicePlugins, podResources } = directoriesOf(node);
  const bound = (name: string) => join(node.workDir, "bound", name);
  const mounts: MountCommand[] = [
    ["mount", "--bind", devicePlugins, bound("device-plugins")],
    ["mount", "--bind", podResources, bound("pod-resources")],
  ];
  for (const name of ["device-plugins", "pod-resources"]) {
    mkdirSync(bound(name), { recursive: true });
  }
  return {
    mounts,
    paths: {
      workDir: node.workDir,
      kubeletSocket: join(bound("device-plugins"), "kubelet.sock"),
      podResourcesSocket: join(bound("pod-resources"), "kubelet.sock"),
    },
  };
}

/**
 * The view of the systemd unit with `ProtectSystem=strict`: everything is read-only but the paths of `ReadWritePaths`,
 * each of which is a mount on itself. The kernel unmounts it when the directory is deleted.
 */
function inUnit(node: TestNode) {
  const { devicePlugins } = directoriesOf(node);
  const parent = dirname(devicePlugins);
  const mounts: MountCommand[] = [
    ["mount", "--bind", parent, parent],
    ["mount", "--bind", devicePlugins, devicePlugins],
    ["mount", "--bind", node.workDir, node.workDir],
    ["mount", "-o", "remount,bind,ro", parent],
  ];
  return { mounts, paths: node };
}

/** Runs `play` with a registered plugin that has this view of the node, in place of the stage's plugin. */
function withView(
  stage: BinaryStage,
  view: (node: TestNode) => ReturnType<typeof inContainer> | ReturnType<typeof inUnit>,
  play: (plugin: PluginBinary) => Promise<void>,
): Promise<void> {
  const { mounts, paths } = view(stage.node);
  const program = withMounts(mounts, [pluginProgram]);
  const plugin = new PluginBinary(paths, { name: "with-view", program });
  return withPlugin(stage, plugin, () => play(plugin));
}

/** Waits for the plugin's own end with this error, and starts it again, as its supervisor does. */
async function endsAndIsRestarted(
  stage: BinaryStage,
  plugin: PluginBinary,
  error: { readonly error_code: string; readonly directory: string },
): Promise<void> {
  await stage.eventually(async () => assert.ok(!plugin.running, "the plugin still runs"));
  assert.equal(plugin.exitCode, 1);
  const last = plugin.log.entries().at(-1);
  assert.equal(last?.level, "ERROR");
  assert.equal(last?.msg, "Ended for a new process");
  assert.equal(last?.["error_code"], error.error_code);
  assert.ok(String(last?.["error"]).includes(error.directory), String(last?.["error"]));
  assert.match(String(last?.["remedy"]), /again/);
  await plugin.start();
  await stage.showsAllDevices();
  await stage.runPod("after", 1);
}

/** Scenarios without mounts. */
export const directoryScenarios: readonly Scenario<TestNode, PluginBinary>[] = [
  scenario(
    "directories of the kubelet that are deleted and created again don't end the plugin",
    async (stage) => {
      const { pid } = stage.plugin;
      const { devicePlugins, podResources } = directoriesOf(stage.node);
      await deleteWhileStopped(stage, devicePlugins, podResources);
      await stage.showsAllDevices();
      await stage.runPod("one", 1);
      assert.equal(stage.plugin.pid, pid);
      assert.ok(stage.plugin.running);
    },
  ),
];

/** Scenarios whose plugin has mounts of its own, as in a container or in the systemd unit; they need root. */
export const mountScenarios: readonly Scenario<TestNode, PluginBinary>[] = [
  scenario(
    "in a container a deleted device-plugins directory ends the plugin, and its restart serves",
    async (stage) => {
      const { devicePlugins } = directoriesOf(stage.node);
      await withView(stage, inContainer, async (plugin) => {
        await deleteWhileStopped(stage, devicePlugins);
        await endsAndIsRestarted(stage, plugin, {
          error_code: "kubelet_directory_deleted",
          directory: "device-plugins",
        });
      });
    },
  ),

  scenario(
    "in a container a deleted pod-resources directory ends the plugin, and its restart serves",
    async (stage) => {
      const { podResources } = directoriesOf(stage.node);
      await withView(stage, inContainer, async (plugin) => {
        await deleteWhileStopped(stage, podResources);
        await endsAndIsRestarted(stage, plugin, {
          error_code: "kubelet_directory_deleted",
          directory: "pod-resources",
        });
      });
    },
  ),

  scenario(
    "in the systemd unit a deleted device-plugins directory ends the plugin, and its restart serves",
    async (stage) => {
      const { devicePlugins } = directoriesOf(stage.node);
      await withView(stage, inUnit, async (plugin) => {
        await deleteWhileStopped(stage, devicePlugins);
        await endsAndIsRestarted(stage, plugin, {
          error_code: "kubelet_directory_read_only",
          directory: "device-plugins",
        });
      });
    },
  ),
];
