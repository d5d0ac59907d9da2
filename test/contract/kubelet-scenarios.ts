import assert from "node:assert/strict";
import {
  byNumber,
  type PluginControl,
  type ScenarioContext,
  Stage,
} from "./kubelet-scenarios-stage.ts";
import type { PodView, TestNode } from "./node.ts";

/**
 * A behaviour of a node with the plugin. `run` rejects if it differs. It starts the plugin, removes all pods first, and
 * cleans up after itself.
 */
export interface Scenario<
  Node extends TestNode = TestNode,
  Plugin extends PluginControl = PluginControl,
> {
  readonly name: string;
  run(context: ScenarioContext<Node, Plugin>): Promise<void>;
}

/** A scenario with a function that plays it on a stage. */
export function scenario<
  Node extends TestNode = TestNode,
  Plugin extends PluginControl = PluginControl,
>(name: string, play: (stage: Stage<Node, Plugin>) => Promise<void>): Scenario<Node, Plugin> {
  return {
    name,
    run: async (context) => {
      const stage = new Stage(context);
      await stage.prepare();
      try {
        await play(stage);
      } finally {
        await stage.cleanUp();
      }
    },
  };
}

/** The paths in VIDEO_DEVICES. */
export function devicePaths(pod: PodView): string[] {
  return pod.env["VIDEO_DEVICES"]?.split(",") ?? [];
}

/** The suite for both the embedded and a real kubelet, to be run in this order. */
export const kubeletScenarios: readonly Scenario[] = [
  scenario("after the plugin's start every device is allocatable", async (stage) => {
    await stage.plugin.stop("SIGTERM");
    await stage.showsResources({ capacity: stage.total, allocatable: 0 });
    await stage.plugin.start();
    await stage.showsAllDevices();
  }),

  scenario("pods with one and with two devices see their own, in order", async (stage) => {
    const one = await stage.runPod("one", 1);
    const two = await stage.runPod("two", 2);

    assert.equal(devicePaths(one).length, 1);
    assert.equal(devicePaths(two).length, 2);
    for (const pod of [one, two]) {
      const paths = devicePaths(pod);
      assert.equal(pod.env["VIDEO_DEVICE"], paths[0]);
      assert.deepEqual(paths, paths.toSorted(byNumber));
      assert.deepEqual(pod.deviceNodes, paths, `${pod.name} lacks a device node`);
    }

    const held = await stage.allocationsOf("one", "two");
    assert.equal(new Set(Object.values(held).flat()).size, 3, "a device got twice");
  }),

  scenario("a kubelet restart leaves running pods and their devices alone", async (stage) => {
    const pods = [await stage.runPod("one", 1), await stage.runPod("two", 2)];
    const held = await stage.allocationsOf("one", "two");

    await stage.withoutKubelet(async () => {
      for (const pod of pods) await stage.isUntouched(pod);
    });

    await stage.showsAllDevices();
    for (const pod of pods) await stage.isUntouched(pod);
    assert.deepEqual(await stage.allocationsOf("one", "two"), held);
  }),

  scenario(
    "devices are not allocatable after the plugin is killed, and are again after its restart",
    async (stage) => {
      const pods = [await stage.runPod("one", 1), await stage.runPod("two", 2)];

      await stage.plugin.kill();
      await stage.showsResources({ capacity: stage.total, allocatable: 0 });
      for (const pod of pods) await stage.isUntouched(pod);

      await stage.plugin.start();
      await stage.showsAllDevices();
      for (const pod of pods) await stage.isUntouched(pod);

      await stage.runPod("three", 1);
      const held = await stage.allocationsOf("one", "two", "three");
      assert.equal(new Set(Object.values(held).flat()).size, 4, "a device got twice");
    },
  ),

  scenario(
    "a kubelet that restarted without the plugin accepts its registration later",
    async (stage) => {
      const pods = [await stage.runPod("one", 1), await stage.runPod("two", 2)];
      const held = await stage.allocationsOf("one", "two");

      await stage.plugin.kill();
      await stage.node.stopKubelet();
      await stage.node.startKubelet();
      await stage.showsResources({ capacity: 0, allocatable: 0 });
      for (const pod of pods) await stage.isUntouched(pod);

      await stage.plugin.start();
      await stage.showsAllDevices();
      for (const pod of pods) await stage.isUntouched(pod);
      assert.deepEqual(await stage.allocationsOf("one", "two"), held);
    },
  ),

  scenario("a pod added while the plugin is down is rejected, the next one runs", async (stage) => {
    await stage.plugin.kill();
    await stage.showsResources({ capacity: stage.total, allocatable: 0 });

    await stage.createPod("early", 1);
    const { reason, message } = await stage.podFails("early");
    assert.equal(reason, "UnexpectedAdmissionError");
    assert.equal(
      message,
      "Pod was rejected: Allocate failed due to no healthy devices present; cannot allocate unhealthy devices " +
        "meeting-baas.io/video-devices, which is unexpected",
    );

    await stage.plugin.start();
    await stage.showsAllDevices();
    await stage.runPod("next", 1);
  }),

  scenario("an unhealthy device is not allocatable until it recovers", async (stage) => {
    const id = stage.plugin.ids.at(-1) ?? "";
    await stage.plugin.sicken(id);
    await stage.showsResources({ capacity: stage.total, allocatable: stage.total - 1 });
    await stage.plugin.heal(id);
    await stage.showsAllDevices();
  }),

  scenario("with all devices in use one more pod is rejected, until one ends", async (stage) => {
    await stage.runPod("many", stage.total - 1);
    await stage.runPod("last", 1);
    const { last: freed } = await stage.allocationsOf("many", "last");

    await stage.createPod("extra", 1);
    const { reason, message } = await stage.podFails("extra");
    assert.equal(reason, "UnexpectedAdmissionError");
    assert.equal(
      message,
      "Pod was rejected: Allocate failed due to requested number of devices unavailable for " +
        "meeting-baas.io/video-devices. Requested: 1, Available: 0, which is unexpected",
    );
    assert.ok(stage.plugin.running);
    await stage.showsAllDevices();

    await stage.deletePod("extra");
    await stage.deletePod("last");
    await stage.allocationsOf("many");
    await stage.runPod("next", 1);
    const { next } = await stage.allocationsOf("many", "next");
    assert.deepEqual(next, freed);
  }),

  scenario("a pod that requests too many devices is rejected, and gets none", async (stage) => {
    await stage.createPod("greedy", stage.total + 1);
    const { reason, message } = await stage.podFails("greedy");
    assert.equal(reason, "UnexpectedAdmissionError");
    assert.equal(
      message,
      "Pod was rejected: Allocate failed due to requested number of devices unavailable for " +
        `meeting-baas.io/video-devices. Requested: ${stage.total + 1}, Available: ${stage.total}, ` +
        "which is unexpected",
    );
    await stage.runPod("modest", stage.total);
  }),

  scenario("pod-resources lists the devices of pods", async (stage) => {
    const pods = [await stage.runPod("one", 1), await stage.runPod("two", 2)];
    const held = await stage.allocationsOf("one", "two");
    for (const pod of pods) {
      const ids = held[pod.name] ?? [];
      assert.equal(ids.length, devicePaths(pod).length);
      for (const id of ids) assert.ok(stage.plugin.ids.includes(id), `${id} is none of ours`);
    }
    await stage.deletePod("two");
    assert.deepEqual(await stage.allocationsOf("one"), { one: held["one"] });
  }),

  scenario("SIGTERM ends the plugin with 0, and no device is allocatable", async (stage) => {
    const pod = await stage.runPod("one", 1);
    assert.equal(await stage.plugin.stop("SIGTERM"), 0);
    await stage.showsResources({ capacity: stage.total, allocatable: 0 });
    await stage.isUntouched(pod);
  }),

  scenario("a rolling restart, old before new, disturbs no pod", async (stage) => {
    const pods = [await stage.runPod("one", 1), await stage.runPod("two", 2)];
    const held = await stage.allocationsOf("one", "two");

    assert.equal(await stage.plugin.stop("SIGTERM"), 0);
    await stage.plugin.start();

    await stage.showsAllDevices();
    for (const pod of pods) await stage.isUntouched(pod);
    assert.deepEqual(await stage.allocationsOf("one", "two"), held);
    await stage.runPod("three", 1);
  }),
];
