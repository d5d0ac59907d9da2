import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { builtImage } from "../image/built-image.ts";
import { checkout, imageName } from "../image/paths.ts";
import { nodeName, runDir } from "../kubelet/paths.ts";
import { skipLevel } from "../kubelet/require-level.ts";
import { environment } from "../node/environment.ts";
import { onlyInFullRun } from "../support/ci-size.ts";
import { explained } from "../support/explained.ts";
import { Cluster, registryHost } from "./cluster.ts";
import { unsupported } from "./environment.ts";
import type { ApiObject } from "./kubectl.ts";
import { numberedStream, readStream } from "./numbered-stream.ts";
import { kubernetesVersion, vmNodeName } from "./paths.ts";
import { namespace, resource } from "./stage.ts";
import { VmNode, vmPatienceMs, waitForVm } from "./vm-node.ts";
import { deployment } from "./workloads.ts";

/**
 * The chart in a cluster of two nodes: this machine with simulated devices, and a VM with the real v4l2loopback, whose
 * pods stream real frames. Run `test/cluster/provision.sh` and `test/node/provision.sh` first, then `bun run
 * test:cluster` as root. It does not run beside the kubelet's tests.
 */
const isLeftOut = onlyInFullRun("a cluster with a whole machine as its second node");
const found = isLeftOut ? { directory: "" } : environment();
const skip =
  isLeftOut || skipLevel(unsupported() ?? ("reason" in found ? found.reason : undefined));

/** The limit of a test, ms. */
const testMs = 4 * vmPatienceMs;

/** A release of the chart for one of the nodes. */
interface Release {
  readonly name: string;
  readonly node: string;
  readonly driver: "simulated" | "v4l2loopback";
}
const onHost: Release = { name: "simulated-cameras", node: nodeName, driver: "simulated" };
const onVm: Release = { name: "cameras", node: vmNodeName, driver: "v4l2loopback" };

describe.skipIf(skip)(`two nodes of Kubernetes ${kubernetesVersion}, one a whole machine`, () => {
  const cluster = new Cluster();
  const { kubectl } = cluster;
  let vm: VmNode;
  const started = performance.now();

  beforeAll(async () => {
    await cluster.start();
    const { archive } = await builtImage();
    const tags = ["0.1.0", "0.1.1"];
    const inPods = tags.map((tag) => `${registryHost}/video-device-plugin:${tag}`);
    vm = new VmNode(cluster, "directory" in found ? found.directory : "", {
      images: [{ archive, names: { inArchive: imageName, inPods } }],
    });
    await vm.start();
    for (const tag of tags) {
      await cluster.pushImage(tag);
      await cluster.helm(
        ...["package", join(checkout, "deploy/helm/video-device-plugin"), "--destination", runDir],
        ...["--version", tag, "--app-version", tag],
      );
    }
  }, 2 * testMs);
  afterAll(async () => {
    await vm?.stop();
    await cluster.stop();
  }, 120_000);

  const story = (name: string, work: () => Promise<void>) =>
    test(
      name,
      async () => {
        const begun = performance.now();
        await explained(work, report);
        const seconds = (from: number) => Math.round((performance.now() - from) / 1000);
        console.log(`${seconds(begun)} s, ${seconds(started)} s since the start: ${name}`);
      },
      testMs,
    );

  async function report(): Promise<string> {
    const ask = (...args: string[]) => kubectl.run(args).catch(String);
    return [
      await ask("get", "pods", "-A", "-o", "wide"),
      await ask("logs", "-n", namespace, `daemonset/${onVm.name}`, "--tail=40"),
      await vm.logs(),
      cluster.logs(),
    ].join("\n");
  }

  async function until(what: string, is: () => Promise<boolean>): Promise<void> {
    await waitForVm(what, async () => ((await is()) ? true : undefined));
  }
  const isAllocatable = (node: string, count: number) =>
    until(`${count} devices of ${node} are allocatable`, async () => {
      return (await cluster.allocatable(resource, node)) === count;
    });
  const running = async (app: string): Promise<ApiObject[]> =>
    (await kubectl.list("pods", `app=${app}`)).filter(
      ({ status, metadata }) => status.phase === "Running" && !metadata.deletionTimestamp,
    );

  const helm = (verb: "install" | "upgrade", { name, node, driver }: Release, version: string) =>
    cluster.helm(
      ...[verb, name, join(runDir, `video-device-plugin-${version}.tgz`), "--namespace", namespace],
      ...["--set", `image.repository=${registryHost}/video-device-plugin`],
      ...["--set", `fullnameOverride=${name}`, "--set", `config.driver=${driver}`],
      // With the default of 2 buffers, a reader that gets no CPU for some seconds loses frames.
      ...["--set", "config.v4l2MaxBuffers=8"],
      // Each probe starts a program, which takes an emulated CPU seconds.
      ...["--set", "probes.timeoutSeconds=60", "--set", "probes.startup.periodSeconds=10"],
      ...["--set-string", `nodeSelector.kubernetes\\.io/hostname=${node}`],
      ...["--wait", "--timeout=10m"],
    );
  const rolledOut = ({ name }: Release) =>
    kubectl.run(["rollout", "status", "-n", namespace, `daemonset/${name}`, "--timeout=10m"]);

  story("a release for each node: both offer 8 devices", async () => {
    await Promise.all([helm("install", onHost, "0.1.0"), helm("install", onVm, "0.1.0")]);
    await Promise.all([isAllocatable(nodeName, 8), isAllocatable(vmNodeName, 8)]);
  });

  story(
    "a Deployment of 16 has 8 pods on each node, and the next pod waits for a camera",
    async () => {
      await kubectl.apply(deployment("spread", 17));
      await until("16 pods run", async () => (await running("spread")).length === 16);
      const nodes = (await running("spread")).map(({ spec }) => spec.nodeName as string);
      for (const node of [nodeName, vmNodeName]) {
        expect([node, nodes.filter((name) => name === node).length]).toEqual([node, 8]);
      }
      await until("the scheduler says what the last pod waits for", async () => {
        const pods = await kubectl.list("pods", "app=spread");
        const waiting = pods.filter(({ status }) => status.phase === "Pending");
        const [condition] = waiting[0]?.status.conditions ?? [];
        return waiting.length === 1 && condition?.message.includes(`Insufficient ${resource}`);
      });
      await kubectl.run(["delete", "deployment/spread", "--wait"]);
      await until("no pod is left", async () => (await kubectl.list("pods")).length === 0);
    },
  );

  /** The pod that streams, what it has said so far, and how often its container was started again. */
  async function stream(tenant: string) {
    const [pod] = await running(tenant);
    if (pod === undefined) return undefined;
    const { name } = pod.metadata;
    const state = readStream(await kubectl.run(["logs", name]));
    return state && { ...state, pod: name, restarts: pod.status.containerStatuses[0].restartCount };
  }

  /** Five frames more than now have come through. */
  async function framesCome(tenant: string) {
    const before = (await stream(tenant).catch(() => undefined))?.count.frames ?? 0;
    return waitForVm(`frames of ${tenant} come`, async () => {
      const now = await stream(tenant);
      return now && now.count.frames >= before + 5 ? now : undefined;
    });
  }

  story("a pod streams through helm upgrade, rollback and rollout restart", async () => {
    await kubectl.apply(numberedStream("carol", resource, vmNodeName));
    const { device, pod } = await framesCome("carol");
    // The container ends with its reader. On a busy machine a reader may be late for a frame, which is no error to it.
    const same = { device, pod, restarts: 0, count: { torn: 0, foreign: 0 } };
    const changes = [
      () => helm("upgrade", onVm, "0.1.1"),
      () => cluster.helm("rollback", onVm.name, "1", "--namespace", namespace, "--wait"),
      () => kubectl.run(["rollout", "restart", "-n", namespace, `daemonset/${onVm.name}`]),
    ];
    for (const change of changes) {
      await change();
      await rolledOut(onVm);
      await isAllocatable(vmNodeName, 8);
      expect(await framesCome("carol")).toMatchObject(same);
    }
    console.log("carol, in the end:", await stream("carol"));
  });

  story("helm test passes, with frames that came back from a real device", async () => {
    // So that the test's pod runs on the VM.
    await kubectl.run(["cordon", nodeName]);
    const args = ["--namespace", namespace, "--logs", "--timeout=10m"];
    const out = await cluster.helm("test", onVm.name, ...args);
    await kubectl.run(["uncordon", nodeName]);
    expect(out).toMatch(/^Phase: +Succeeded$/m);
    expect(out).toMatch(/^\/dev\/video1\d: all 100 frames of 640x480 YUYV came back/m);
  });

  story("after a reboot of the node the Deployment streams again", async () => {
    await vm.reboot();
    await isAllocatable(vmNodeName, 8);
    const { count } = await framesCome("carol");
    expect(count).toMatchObject({ torn: 0, foreign: 0 });
    await until("one pod is carol's", async () => (await running("carol")).length === 1);
    const refused = (await kubectl.list("pods", "app=carol")).filter(
      ({ status }) => status.phase === "Failed",
    );
    console.log(`refused after the reboot: ${refused.length} pods`);
    await kubectl.run(["delete", "deployment/carol", "--wait"]);
  });
});
