import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { unsupported as imageUnsupported } from "../image/environment.ts";
import { checkout } from "../image/paths.ts";
import { unsupported } from "../kubelet/environment.ts";
import { imageName as busybox } from "../kubelet/image.ts";
import { runDir } from "../kubelet/paths.ts";
import { skipLevel } from "../kubelet/require-level.ts";
import { waitFor } from "../kubelet/wait.ts";
import { Cluster, registryHost } from "./cluster.ts";
import type { ApiObject } from "./kubectl.ts";
import { binary, kubernetesVersion } from "./paths.ts";

/**
 * The chart, installed by Helm from an OCI registry in a whole cluster: API server, scheduler, controllers, kubelet and
 * containerd 2 as processes, with simulated devices. Run `test/cluster/provision.sh` first, then `bun run test:cluster` as
 * root. The kubelet's directory can't be moved, so it does not run beside the kubelet's tests.
 */
const missing = existsSync(binary("kubectl"))
  ? undefined
  : "no kubectl; run test/cluster/provision.sh";
const skip = skipLevel(unsupported() ?? imageUnsupported() ?? missing);

const resource = "meeting-baas.io/video-devices";
const namespace = "kube-system";
const daemonSet = "video-device-plugin";
/** Of anything that the cluster is waited for, ms. */
const patienceMs = 120_000;
/** The limit of a test, ms. */
const testMs = 4 * patienceMs;

describe.skipIf(skip)(`the chart in a cluster of Kubernetes ${kubernetesVersion}`, () => {
  const cluster = new Cluster();
  const { kubectl } = cluster;

  beforeAll(() => cluster.start(), 600_000);
  afterAll(() => cluster.stop(), 120_000);

  const story = (name: string, work: () => Promise<void>) =>
    test(
      name,
      async () => {
        try {
          await work();
        } catch (cause) {
          const message = cause instanceof Error ? cause.message : String(cause);
          throw new Error(`${message}\n${await pluginLog()}\n${cluster.logs()}`, { cause });
        }
      },
      testMs,
    );

  async function pluginLog(): Promise<string> {
    const args = ["logs", "-n", namespace, `daemonset/${daemonSet}`, "--tail=40"];
    return kubectl.run(args).catch(String);
  }

  const pods = (selector: string): Promise<ApiObject[]> => kubectl.list("pods", selector);
  const phases = async (selector: string) =>
    (await pods(selector)).map(({ status }) => status.phase as string).toSorted();

  async function until(what: string, is: () => Promise<boolean>): Promise<void> {
    await waitFor(what, patienceMs, async () => ((await is()) ? true : undefined));
  }

  /** All eight devices are in the node's status, which the scheduler reads. */
  const allAllocatable = () =>
    until("8 devices are allocatable", async () => (await cluster.allocatable(resource)) === 8);

  const rolledOut = () =>
    kubectl.run(["rollout", "status", "-n", namespace, `daemonset/${daemonSet}`, "--timeout=120s"]);

  const release = (verb: "install" | "upgrade", ...more: readonly string[]) =>
    cluster.helm(
      ...[verb, "cameras", `oci://${registryHost}/charts/video-device-plugin`, "--plain-http"],
      ...["--namespace", namespace, "--wait", "--timeout=120s", ...values, ...more],
    );
  const values = [
    ["--set", `image.repository=${registryHost}/video-device-plugin`],
    ["--set", "fullnameOverride=video-device-plugin"],
    ["--set", "config.driver=simulated"],
  ].flat();

  story("helm installs it from a registry, and the node offers 8 devices", async () => {
    await cluster.pushImage("0.1.0");
    await cluster.pushImage("0.1.1");
    const chart = join(checkout, "deploy/helm/video-device-plugin");
    for (const version of ["0.1.0", "0.1.1"]) {
      await cluster.helm(
        ...["package", chart, "--version", version, "--app-version", version],
        ...["--destination", runDir],
      );
      const archive = join(runDir, `video-device-plugin-${version}.tgz`);
      await cluster.helm("push", archive, `oci://${registryHost}/charts`, "--plain-http");
      rmSync(archive);
    }
    await release("install", "--version=0.1.0");
    await rolledOut();
    await allAllocatable();
  });

  story("eight replicas of a Deployment run, and the ninth waits for a device", async () => {
    await kubectl.apply(deployment("bots", 9));
    await until("8 of 9 pods run", async () => {
      const now = await phases("app=bots");
      return now.filter((phase) => phase === "Running").length === 8 && now.includes("Pending");
    });
    const waiting = (await pods("app=bots")).find(({ status }) => status.phase === "Pending");
    expect(waiting?.status.conditions[0].message).toContain(`Insufficient ${resource}`);
    await kubectl.run(["scale", "deployment/bots", "--replicas=8"]);
    await until("8 pods are left", async () => (await pods("app=bots")).length === 8);
    await kubectl.run(["delete", "deployment/bots", "--wait"]);
    await until("no pod is left", async () => (await pods("app=bots")).length === 0);
  });

  story("a Job of 40 pods, 20 at a time, has no pod refused", async () => {
    await kubectl.apply(job("batch", { completions: 40, parallelism: 20 }));
    expect(await jobHasEnded("batch", 40)).toBe(0);
  });

  story(
    "three restarts of the DaemonSet during a Job of 60 pods refuse two pods at most",
    async () => {
      await kubectl.apply(job("through", { completions: 60, parallelism: 8 }));
      for (let restart = 0; restart < 3; restart++) {
        await kubectl.run(["rollout", "restart", "-n", namespace, `daemonset/${daemonSet}`]);
        await rolledOut();
      }
      // A pod that the kubelet admits in the 20 ms between two plugins is refused. Without a hand-over it was 12 of 60.
      const refused = await jobHasEnded("through", 60);
      console.log(`three restarts of the DaemonSet: ${refused} of 60 pods refused`);
      expect(refused).toBeLessThanOrEqual(2);
      await allAllocatable();
    },
  );

  story("pods keep their devices through helm upgrade and rollback", async () => {
    await kubectl.apply(deployment("streams", 4));
    await until("4 pods run", async () => {
      return (await phases("app=streams")).join() === "Running,Running,Running,Running";
    });
    const before = (await pods("app=streams")).map(({ metadata }) => metadata.name).toSorted();
    await release("upgrade", "--version=0.1.1");
    await rolledOut();
    await allAllocatable();
    await cluster.helm("rollback", "cameras", "1", "--namespace", namespace, "--wait");
    await rolledOut();
    await allAllocatable();
    const after = (await pods("app=streams")).filter(({ status }) => status.phase === "Running");
    expect(after.map(({ metadata }) => metadata.name).toSorted()).toEqual(before);
    await kubectl.run(["delete", "deployment/streams", "--wait"]);
  });

  story("a kubelet restart leaves the offer whole", async () => {
    await cluster.restartKubelet();
    await cluster.nodeIsReady();
    await allAllocatable();
  });

  story("helm uninstall leaves no object of the release", async () => {
    await cluster.helm("uninstall", "cameras", "--namespace", namespace, "--wait");
    const kinds = "daemonset,pod,service,configmap,secret,serviceaccount,role,rolebinding";
    const selector = "app.kubernetes.io/instance=cameras";
    // Helm does not wait for the pods' end.
    const args = ["get", kinds, "-n", namespace, "-l", selector, "-o", "name"];
    await until("no object is left", async () => (await kubectl.run(args)) === "");
    await until(
      "no device is allocatable",
      async () => (await cluster.allocatable(resource)) === 0,
    );
  });

  /** Resolves when `completions` pods of the Job have succeeded. @returns how many were refused by the kubelet. */
  async function jobHasEnded(name: string, completions: number): Promise<number> {
    await until(`job ${name} has ended`, async () => {
      const { status } = await kubectl.get("job", name);
      return status.succeeded === completions;
    });
    const failed = (await pods(`job-name=${name}`)).filter(
      ({ status }) => status.phase === "Failed",
    );
    for (const { status } of failed) expect(status.reason).toBe("UnexpectedAdmissionError");
    await kubectl.run(["delete", "job", name, "--wait"]);
    return failed.length;
  }
});

/** A container that owns one device. */
function container(seconds: number) {
  return {
    name: "app",
    image: busybox,
    imagePullPolicy: "Never",
    command: ["/bin/busybox", "sleep", String(seconds)],
    resources: { limits: { [resource]: 1 } },
  };
}

function deployment(name: string, replicas: number): object {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { terminationGracePeriodSeconds: 0, containers: [container(100_000)] },
      },
    },
  };
}

/** Pods that hold their device for a second. */
function job(name: string, counts: { completions: number; parallelism: number }): object {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name },
    spec: {
      ...counts,
      backoffLimit: 20,
      template: {
        spec: {
          restartPolicy: "Never",
          terminationGracePeriodSeconds: 0,
          containers: [container(1)],
        },
      },
    },
  };
}
