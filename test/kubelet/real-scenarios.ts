import assert from "node:assert/strict";
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { decodeDevice, formatDevice } from "../../src/linux/device-number.ts";
import { linuxCalls } from "../../src/linux/linux-calls.ts";
import { devicePaths, type Scenario, scenario } from "../contract/kubelet-scenarios.ts";
import { withFlags } from "../contract/kubelet-scenarios-options.ts";
import type { Stage } from "../contract/kubelet-scenarios-stage.ts";
import type { PluginBinary } from "../support/plugin-binary.ts";
import { podManifest } from "./pod-manifest.ts";
import type { RealNode } from "./real-node.ts";

/** /dev/null's number, which simulated cameras have. */
const nullDevice = { type: "c", major: 1, minor: 3 };

/** The device number behind a path in a new pod with one camera; the pod is deleted. */
async function numberInPod(
  stage: Stage<RealNode, PluginBinary>,
  name: string,
  path: string,
  privileged: boolean,
): Promise<string> {
  const { node } = stage;
  await node.createPodOf(name, (unique) => {
    const pod = podManifest(unique, { "meeting-baas.io/video-devices": 1 });
    const containers = pod.spec.containers.map((container) => ({
      ...container,
      securityContext: { privileged },
    }));
    return { ...pod, spec: { ...pod.spec, containers } };
  });
  try {
    await stage.podRuns(name);
    const { pid } = await node.container(name);
    return formatDevice(decodeDevice(statSync(join(`/proc/${pid}/root`, path)).rdev));
  } finally {
    await node.deletePod(name);
  }
}

/** What only a node of real processes can show. */
export const realScenarios: readonly Scenario<RealNode, PluginBinary>[] = [
  scenario("a container finds its cameras by its environment and opens them", async (stage) => {
    const pod = await stage.runPod("two", 2);
    const paths = devicePaths(pod);
    const output = await stage.eventually(async () => {
      const lines = stage.node.output("two");
      assert.ok(lines.includes("done"), lines.join("\n"));
      return lines;
    });
    assert.equal(output[0], `VIDEO_DEVICE=${paths[0]} VIDEO_DEVICES=${paths.join(",")}`);
    for (const path of paths) {
      for (const found of ["character device", "opened for reading", "opened for writing"]) {
        assert.ok(output.includes(`${found}: ${path}`), output.join("\n"));
      }
    }
  }),

  scenario("the runtime lets a container read and write its cameras only", async (stage) => {
    const pod = await stage.runPod("one", 1);
    const { devices, rules } = await stage.node.devicesOf(await stage.node.container("one"));
    const cameras = devices.filter(({ path }) => path.startsWith("/dev/video"));
    assert.deepEqual(
      cameras.map(({ path, type, major, minor }) => ({ path, type, major, minor })),
      devicePaths(pod).map((path) => ({ path, ...nullDevice })),
    );
    assert.ok(
      rules.some(
        ({ allow, type, major, minor, access }) =>
          allow && type === "c" && major === 1 && minor === 3 && access === "rw",
      ),
      JSON.stringify(rules),
    );
  }),

  scenario(
    "a remapped camera is at its path, in a privileged pod as well, whatever node the host has there",
    async (stage) => {
      const path = "/dev/vdp-e2e-0";
      const flags = ["--container-device-path=/dev/vdp-e2e-{index}"];
      rmSync(path, { force: true });
      await withFlags(stage, flags, async () => {
        try {
          assert.equal(await numberInPod(stage, "without", path, true), formatDevice(nullDevice));
          // /dev/zero's number: whatever the host has there.
          linuxCalls().makeCharDevice(path, 0o600, { major: 1, minor: 5 });
          assert.equal(await numberInPod(stage, "ordinary", path, false), formatDevice(nullDevice));
          // containerd/containerd#5053, fixed in 1.6 and late in 1.5: before, the host's node was there.
          assert.equal(
            await numberInPod(stage, "privileged", path, true),
            formatDevice(nullDevice),
          );
        } finally {
          rmSync(path, { force: true });
        }
      });
    },
  ),

  scenario("GetAllocatableResources lists healthy devices, allocated or not", async (stage) => {
    await stage.runPod("one", 1);
    assert.deepEqual(await stage.node.allocatable(), stage.plugin.ids);
    const [sick = "", ...others] = stage.plugin.ids.toReversed();
    await stage.plugin.sicken(sick);
    await stage.eventually(async () => {
      assert.deepEqual(await stage.node.allocatable(), others.toReversed());
    });
  }),

  scenario("a kubelet that is killed finds pods and devices as they were", async (stage) => {
    const pods = [await stage.runPod("one", 1), await stage.runPod("two", 2)];
    const held = await stage.allocationsOf("one", "two");
    const allocated = () => stage.plugin.log.saying("Device allocated").length;
    const before = allocated();

    await stage.node.killKubelet();
    for (const pod of pods) await stage.isUntouched(pod);
    await stage.node.startKubelet();

    await stage.showsAllDevices();
    for (const pod of pods) await stage.isUntouched(pod);
    assert.deepEqual(await stage.allocationsOf("one", "two"), held);
    assert.equal(allocated(), before, "devices were allocated again for a running pod");
  }),

  scenario(
    "a refused pod leaves the plugin as it was: same process, same registration",
    async (stage) => {
      const { pid, log } = stage.plugin;
      const registrations = log.saying("Registered with the kubelet").length;
      const allocated = log.saying("Device allocated").length;
      await stage.runPod("all", stage.total);
      await stage.createPod("ninth", 1);
      await stage.podFails("ninth");
      assert.ok(stage.plugin.running);
      assert.equal(stage.plugin.pid, pid);
      assert.equal(log.saying("Registered with the kubelet").length, registrations);
      assert.equal(log.saying("Device allocated").length, allocated + stage.total);
      await stage.showsAllDevices();
    },
  ),

  scenario(
    "a container that ends is started again with the same devices, prepared again",
    async (stage) => {
      await withFlags(stage, ["--pre-start-container"], async (plugin) => {
        const before = await stage.runPod("one", 1);
        process.kill((await stage.node.container("one")).pid, "SIGKILL");
        await stage.eventually(async () => {
          const { containerId, env, deviceNodes } = await stage.podRuns("one");
          assert.notEqual(containerId, before.containerId);
          assert.deepEqual(
            { env, deviceNodes },
            { env: before.env, deviceNodes: before.deviceNodes },
          );
        });
        assert.equal(plugin.log.saying("Devices prepared for container start").length, 2);
        assert.equal(plugin.log.saying("Device allocated").length, 1);
      });
    },
  ),
];
