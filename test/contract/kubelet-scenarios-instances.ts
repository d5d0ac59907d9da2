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

/** Runs `play` with a second instance that registered after the first one, since it can't share the lock. */
async function withSecond(
  stage: BinaryStage,
  play: (second: PluginBinary) => Promise<void>,
): Promise<void> {
  const second = new PluginBinary(stage.node, { name: "second", stateDir: "/proc/none" });
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

/** Starts an instance beside one that serves, and waits until it stands by. */
async function startStandby(stage: BinaryStage, plugin: PluginBinary): Promise<void> {
  const count = () => plugin.log.saying("Standing by").length;
  const before = count();
  await plugin.start();
  await stage.eventually(async () => assert.equal(count(), before + 1));
}

/** Runs `play` with a second instance that stands by. */
async function withStandby(
  stage: BinaryStage,
  play: (standby: PluginBinary) => Promise<void>,
): Promise<void> {
  const standby = new PluginBinary(stage.node, { name: "standby" });
  await standby.explaining(async () => {
    try {
      await startStandby(stage, standby);
      await play(standby);
    } finally {
      await standby.stop("SIGTERM");
    }
    standby.assertCleanOutput();
  });
}

/** Waits until the instance has registered so many times, over all its starts. */
async function registers(stage: BinaryStage, plugin: PluginBinary, times: number): Promise<void> {
  await stage.eventually(async () => {
    assert.equal(plugin.log.saying("Registered with the kubelet").length, times);
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

  scenario("pods that start in a row through three hand-overs all run", async (stage) => {
    const pods = [await stage.runPod("pod-0", 1)];
    await withStandby(stage, async (standby) => {
      for (const [old, next] of [
        [stage.plugin, standby],
        [standby, stage.plugin],
        [stage.plugin, standby],
      ] as const) {
        if (!next.running) await startStandby(stage, next);
        pods.push(await stage.runPod(`pod-${pods.length}`, 1));
        const registrations = next.log.saying("Registered with the kubelet").length;
        const ended = old.stop("SIGTERM");
        await registers(stage, next, registrations + 1);
        // At once: whatever the node's status says, the kubelet has to admit it.
        pods.push(await stage.runPod(`pod-${pods.length}`, 1));
        assert.equal(await ended, 0);
      }
      await stage.settlesAtAllDevices();
      for (const pod of pods) await stage.isUntouched(pod);
      const held = await stage.allocationsOf(...pods.map(({ name }) => name));
      assert.equal(new Set(Object.values(held).flat()).size, pods.length, "a device got twice");
    });
  }),

  scenario("a standby takes over from an instance that is killed", async (stage) => {
    const pod = await stage.runPod("one", 1);
    await withStandby(stage, async (standby) => {
      await stage.plugin.kill();
      await registers(stage, standby, 1);
      await stage.settlesAtAllDevices();
      await stage.runPod("two", 2);
      await stage.isUntouched(pod);
    });
  }),

  scenario("a standby leaves the registration to an instance that hangs", async (stage) => {
    const pod = await stage.runPod("one", 1);
    await withStandby(stage, async (standby) => {
      process.kill(stage.plugin.pid, "SIGSTOP");
      try {
        // Long enough for a hundred tries to take the lock.
        await new Promise((resolve) => setTimeout(resolve, 1000));
        await registers(stage, standby, 0);
      } finally {
        await stage.plugin.kill();
      }
      await registers(stage, standby, 1);
      await stage.settlesAtAllDevices();
      await stage.isUntouched(pod);
    });
  }),

  scenario("a standby that ends, as in a rollback, changes nothing", async (stage) => {
    const pod = await stage.runPod("one", 1);
    const registrations = stage.plugin.log.saying("Registered with the kubelet").length;
    await withStandby(stage, async (standby) => {
      assert.equal(await standby.stop("SIGTERM"), 0);
      for (const msg of ["Devices set up", "Device reset", "Registered with the kubelet"]) {
        assert.deepEqual(standby.log.saying(msg), []);
      }
    });
    await registers(stage, stage.plugin, registrations);
    await stage.settlesAtAllDevices();
    await stage.isUntouched(pod);
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
