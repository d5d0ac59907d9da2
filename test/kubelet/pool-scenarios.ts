import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askContainerRuntime } from "../../src/cli/doctor/container-runtime.ts";
import { examineCdi } from "../../src/cli/doctor/examine-cdi.ts";
import { options } from "../../src/config/options.ts";
import { decodeDevice, formatDevice } from "../../src/linux/device-number.ts";
import { type Scenario, scenario } from "../contract/kubelet-scenarios.ts";
import type { Stage } from "../contract/kubelet-scenarios-stage.ts";
import { FakeWebcams } from "../support/fake-webcams.ts";
import { PluginBinary } from "../support/plugin-binary.ts";
import type { RunningContainer } from "./containerd.ts";
import { containerdSocket } from "./paths.ts";
import { podManifest } from "./pod-manifest.ts";
import { allocatableDevices, podsWithDevices } from "./pod-resources.ts";
import type { RealNode } from "./real-node.ts";

const webcamResource = "example.com/webcams";
const screenResource = "example.com/screens";

const file = `apiVersion: video-device-plugin/v1alpha1
kind: Pools
pools:
  - name: webcams
    resource: ${webcamResource}
    # The node is none of a camera, and has no controls.
    devices: { select: [{ driver: uvcvideo }], clean: none }
  - name: screens
    resource: ${screenResource}
    loopback: { count: 2, firstNumber: 40 }
`;

/** What the plugin calls the webcam at port 1. */
const webcam = "usb-046d-0825-S1";

/** Two places of the webcam, with numbers that no real device has. Its nodes differ by their device numbers. */
const first = { numbers: [240, 241], device: { major: 1, minor: 5 } };
const second = { numbers: [242, 243], device: { major: 1, minor: 7 } };
const firstPath = "/dev/video240";

/** Device number of simulated cameras: /dev/null's. */
const simulated = "1:3";

/** Where container runtimes look for CDI devices. */
const cdiDir = options.cdiDir.default;

/**
 * Runs `play` while a second instance of the plugin offers the pools of {@link file}, of one webcam and of two loopback
 * devices. The webcam's nodes are in /dev, since a link of the plugin leads there.
 */
async function withPools(
  stage: Stage<RealNode, PluginBinary>,
  play: (webcams: FakeWebcams) => Promise<void>,
): Promise<void> {
  const { kubeletSocket, podResourcesSocket } = stage.node;
  const workDir = join(stage.node.workDir, "pools");
  mkdirSync(workDir, { recursive: true });
  const path = join(workDir, "pools.yaml");
  writeFileSync(path, file);
  for (const number of [...first.numbers, ...second.numbers]) removeLeftNode(`/dev/video${number}`);
  using webcams = new FakeWebcams("/dev");
  webcams.plug(1, first);
  const plugin = new PluginBinary(
    { kubeletSocket, podResourcesSocket, workDir },
    {
      name: "pools",
      release: "pools",
      flags: [`--config=${path}`, `--sysfs-dir=${webcams.sysfsDir}`],
    },
  );
  await plugin.explaining(async () => {
    try {
      await plugin.start();
      await stage.showsResources({ capacity: 1, allocatable: 1 }, webcamResource);
      await stage.showsResources({ capacity: 2, allocatable: 2 }, screenResource);
      await play(webcams);
    } finally {
      await plugin.stop("SIGTERM");
      rmSync(join(cdiDir, "example.com-webcams_webcams.json"), { force: true });
    }
    plugin.assertCleanOutput();
  });
}

/** Removes what a run that was killed has left, and never a node of a video device. */
function removeLeftNode(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined && decodeDevice(found.rdev).major === first.device.major) rmSync(path);
}

/** The device number of a node, as the container's first process sees it. */
function numberIn({ pid }: RunningContainer, path: string): string {
  return formatDevice(decodeDevice(statSync(join(`/proc/${pid}/root`, path)).rdev));
}

function variablesOf({ pid }: RunningContainer): ReadonlyMap<string, string> {
  const lines = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  return new Map(lines.map((line) => line.split("=", 2) as [string, string]));
}

/** Scenarios of a config file's pools: real devices, in a directory in the place of /sys, beside loopback devices. */
export const poolScenarios: readonly Scenario<RealNode, PluginBinary>[] = [
  scenario(
    "a container that requests a device of each of two pools has both, each by a variable of its own",
    async (stage) => {
      await withPools(stage, async () => {
        const { node } = stage;
        await stage.runPod("both", 0, { [webcamResource]: 1, [screenResource]: 1 });
        const pod = node.podName("both");
        assert.deepEqual(await podsWithDevices(webcamResource), [[pod, [webcam]]]);
        const [[owner, [screen = ""]] = ["", []]] = await podsWithDevices(screenResource);
        assert.equal(owner, pod);
        assert.match(screen, /^video4[01]$/);

        const container = await node.container("both");
        const variables = variablesOf(container);
        assert.equal(variables.get("VIDEO_DEVICE"), firstPath);
        assert.equal(variables.get("SCREENS_DEVICE"), `/dev/${screen}`);
        assert.equal(numberIn(container, firstPath), formatDevice(first.device));
        assert.equal(numberIn(container, `/dev/${screen}`), simulated);
      });
    },
  ),

  scenario(
    "a webcam that comes back under another number is the same device, and a container that starts again has its new node",
    async (stage) => {
      await withPools(stage, async (webcams) => {
        const { node } = stage;
        const before = await stage.runPod("one", 0, { [webcamResource]: 1 });
        const container = await node.container("one");
        assert.equal(numberIn(container, firstPath), formatDevice(first.device));

        webcams.unplug(1);
        await stage.showsResources({ capacity: 1, allocatable: 0 }, webcamResource);
        assert.deepEqual(await allocatableDevices(webcamResource), []);
        await stage.isUntouched(before);

        webcams.plug(1, second);
        await stage.showsResources({ capacity: 1, allocatable: 1 }, webcamResource);
        assert.deepEqual(await allocatableDevices(webcamResource), [webcam]);
        await stage.isUntouched(before);
        assert.equal(numberIn(container, firstPath), formatDevice(first.device));

        process.kill(container.pid, "SIGKILL");
        const after = await stage.eventually(async () => {
          const pod = await stage.podRuns("one");
          assert.notEqual(pod.containerId, before.containerId);
          return pod;
        });
        assert.deepEqual(after.env, before.env);
        const restarted = await node.container("one");
        assert.equal(numberIn(restarted, firstPath), formatDevice(second.device));
        const { rules } = await node.devicesOf(restarted);
        // The rules of other devices, such as /dev/null, have the access rwm.
        const given = rules.filter(({ allow, access }) => allow && access === "rw");
        assert.deepEqual(
          given.map(({ major, minor }) => ({ major, minor })),
          [second.device],
        );
        assert.deepEqual(await podsWithDevices(webcamResource), [[node.podName("one"), [webcam]]]);
      });
    },
  ),

  scenario(
    "doctor says whether the runtime lets a container's user open a real device by CDI",
    async (stage) => {
      await withPools(stage, async () => {
        const { node } = stage;
        try {
          await node.createPodOf("user", (unique) => {
            const pod = podManifest(unique, { [webcamResource]: 1 });
            const securityContext = { runAsUser: 1000, runAsGroup: 1000 };
            return { ...pod, spec: { ...pod.spec, securityContext } };
          });
          const output = await stage.eventually(async () => {
            const lines = node.output("user");
            assert.ok(lines.includes("done"), lines.join("\n"));
            return lines;
          });
          assert.ok(output.includes(`character device: ${firstPath}`), output.join("\n"));
          const isOpened = output.includes(`opened for reading: ${firstPath}`);
          const runtime = await askContainerRuntime([containerdSocket]);
          assert.ok(typeof runtime !== "string", `no answer of the runtime: ${runtime}`);
          const { state, detail } = examineCdi({ runtime, isWritable: true }, { cdiDir });
          assert.equal(state, isOpened ? "ok" : "warning", detail);
          if (!runtime.version.startsWith("1.6.")) return;
          assert.ok(!isOpened, output.join("\n"));
          assert.match(detail, /^containerd 1\.6\.\S+ ignores CDI devices: it has no CDI$/);
        } finally {
          await node.deletePod("user");
        }
      });
    },
  ),
];

/** Scenarios that wait for the kubelet's pauses between two starts of a container: some 35 s. */
export const longPoolScenarios: readonly Scenario<RealNode, PluginBinary>[] = [
  scenario(
    "a container that starts again without its webcam waits, and has its new node once the webcam is back",
    async (stage) => {
      await withPools(stage, async (webcams) => {
        const { node } = stage;
        const before = await stage.runPod("one", 0, { [webcamResource]: 1 });
        webcams.unplug(1);
        await stage.showsResources({ capacity: 1, allocatable: 0 }, webcamResource);
        process.kill((await node.container("one")).pid, "SIGKILL");
        await stage.eventually(async () => {
          const pod = await node.pod("one");
          assert.equal(pod?.reason, "CreateContainerError");
          assert.match(pod.message ?? "", new RegExp(`/devices/${webcam}: no such file`));
        });

        webcams.plug(1, second);
        const after = await stage.eventually(async () => {
          const pod = await stage.podRuns("one");
          assert.notEqual(pod.containerId, before.containerId);
          return pod;
        });
        assert.deepEqual(after.env, before.env);
        assert.equal(numberIn(await node.container("one"), firstPath), formatDevice(second.device));
      });
    },
  ),
];
