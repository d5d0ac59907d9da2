import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { Glob } from "bun";
import { checkout } from "../image/paths.ts";
import { imageName as busybox } from "../kubelet/image.ts";
import { nodeName } from "../kubelet/paths.ts";
import { skipLevel } from "../kubelet/require-level.ts";
import { schemaPath } from "../manifests/tools.ts";
import { type Dashboard, dashboardQueries } from "../monitoring/dashboard-queries.ts";
import { Prometheus } from "../monitoring/prometheus.ts";
import { prometheusTools } from "../monitoring/promtool.ts";
import { onlyInFullRun } from "../support/ci-size.ts";
import { renderedPodTemplate } from "../support/manifests.ts";
import { Cluster, registryHost } from "./cluster.ts";
import { podTargets, stateMetrics } from "./cluster-state.ts";
import { unsupported } from "./environment.ts";
import { type PodMonitor, scrapeConfigs } from "./pod-monitor.ts";
import { daemonSet, resource, Stage } from "./stage.ts";

/**
 * The kustomizations, applied with `kubectl apply -k` in a whole cluster with simulated devices, and what a Prometheus
 * sees of them. Run `test/cluster/provision.sh` first, then `bun run test:cluster` as root.
 */
/** Of the Prometheus operator. */
const customResources = ["podmonitor.yaml", "prometheusrule.yaml"].map(schemaPath);
const missing = customResources.every((path) => existsSync(path))
  ? undefined
  : "no custom resource definitions; run test/cluster/provision.sh";
const reason = unsupported() ?? missing;
const tools = reason === undefined ? await prometheusTools() : undefined;
const skip = skipLevel(reason ?? (tools === undefined ? "no Prometheus" : undefined));

const stateDir = "/var/lib/video-device-plugin";
const overlaysDir = join(checkout, "deploy/kubernetes/overlays");
/** The one that the gate applies, too: the others differ in what `test:manifests` compares. */
const inGate = "metrics";
const others = [...new Glob("*/kustomization.yaml").scanSync(overlaysDir)]
  .map((path) => path.split("/")[0] ?? "")
  .filter((name) => name !== inGate)
  .sort();
const namespaceOf = (overlay: string) =>
  overlay === "own-namespace" ? "video-device-plugin" : "kube-system";

describe.skipIf(skip)("the kustomizations in a cluster", () => {
  const cluster = new Cluster();
  const { kubectl } = cluster;
  const stage = new Stage(cluster);
  const directory = mkdtempSync(join(tmpdir(), "overlays-"));

  beforeAll(async () => {
    await cluster.start();
    await cluster.pushImage("0.1.0");
    for (const file of customResources) await kubectl.run(["create", "-f", file]);
  }, 600_000);

  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await cluster.stop();
  }, 120_000);

  /** Applies an overlay with this checkout's image and simulated devices, and waits for the node's 8 devices. */
  async function apply(overlay: string): Promise<string> {
    const own = ownOverlay(directory, overlay);
    await kubectl.run(["apply", "-k", own]);
    const rollout = ["rollout", "status", `daemonset/${daemonSet}`, "--timeout=120s"];
    await kubectl.run([...rollout, "-n", namespaceOf(overlay)]);
    await stage.allAllocatable();
    return own;
  }

  /** Deletes it, and waits until neither an object nor a device of it is left. */
  async function remove(overlay: string, own: string): Promise<void> {
    const objects = (await kubectl.run(["get", "-k", own, "-o", "name"])).split("\n");
    expect(objects).toContain(`daemonset.apps/${daemonSet}`);
    await kubectl.run(["delete", "-k", own, "--wait"]);
    expect(await kubectl.run(["get", "-k", own, "-o", "name", "--ignore-not-found"])).toBe("");
    const pods = ["get", "pods", "-o", "name", "-n", namespaceOf(overlay)];
    const selector = `app.kubernetes.io/name=${daemonSet}`;
    await stage.until(
      "no pod is left",
      async () => (await kubectl.run([...pods, "-l", selector])) === "",
    );
    await stage.until(
      "no device is allocatable",
      async () => (await cluster.allocatable(resource)) === 0,
    );
  }

  describe(`the overlay ${inGate}`, () => {
    let own = "";
    let prometheus: Prometheus;
    let clusterState: Bun.Server<undefined>;
    const dashboard: Promise<Dashboard> = Bun.file(
      join(checkout, "deploy/monitoring/dashboard.json"),
    ).json();

    afterAll(async () => {
      await prometheus?.stop();
      await clusterState?.stop(true);
    });

    stage.story("kubectl apply -k rolls it out, and the node offers 8 devices", async () => {
      own = await apply(inGate);
      await kubectl.apply(bots(9));
    });

    stage.story(
      "Prometheus finds its pod by the PodMonitor's selectors, and scrapes it",
      async () => {
        const object = ["get", "podmonitor", daemonSet, "-n", "kube-system", "-o", "json"];
        const monitor = JSON.parse(await kubectl.run(object)) as PodMonitor;
        clusterState = serveState(cluster, monitor.metadata.namespace);
        const host = `127.0.0.1:${clusterState.port}`;
        prometheus = new Prometheus(join(tools ?? "", "prometheus"), {
          global: { scrape_interval: "2s", scrape_timeout: "2s", evaluation_interval: "2s" },
          scrape_configs: [
            ...scrapeConfigs(monitor, `http://${host}/targets`, "2s"),
            {
              job_name: "kube-state-metrics",
              honor_labels: true,
              static_configs: [{ targets: [host] }],
            },
          ],
        });
        await prometheus.ready();
        await stage.until("the pod is a target that answers", async () => {
          const up = await prometheus.now(`up{job="${daemonSet}"}`);
          return up.length > 0 && up.every(({ values: [value] }) => value === 1);
        });
        const [pod, ...more] = await kubectl.list("pods", `name=${daemonSet}`, "kube-system");
        expect(more).toEqual([]);
        const targets = await prometheus.now(`up{job="${daemonSet}"}`);
        expect(targets.map(({ labels }) => labels)).toEqual([
          expect.objectContaining({
            namespace: "kube-system",
            pod: pod?.metadata.name,
            container: daemonSet,
            endpoint: "metrics",
            node: nodeName,
          }),
        ]);
      },
    );

    stage.story("each panel of the dashboard's row about all nodes has data", async () => {
      const { panels } = await dashboard;
      const nextRow = panels.findIndex(({ type }, index) => type === "row" && index > 0);
      const fleet = dashboardQueries({ ...(await dashboard), panels: panels.slice(0, nextRow) });
      expect(fleet.length).toBeGreaterThan(8);
      for (const { name, expr } of fleet) {
        await stage.until(`${name} has data`, async () =>
          (await prometheus.now(expr)).some(({ values }) => values.length > 0),
        );
      }
      const shown = Object.fromEntries(fleet.map(({ name, expr }) => [name, expr]));
      for (const [name, wanted] of Object.entries({
        "Nodes desired (A)": 1,
        "Nodes ready (A)": 1,
        "Free devices (A)": 0,
        "Pods Pending (A)": 1,
        "Owned, no stream (A)": 8,
      })) {
        await stage.until(`${name} is ${wanted}`, async () => {
          const answer = await prometheus.now(shown[name] ?? "");
          return answer.flatMap(({ values }) => values).join() === String(wanted);
        });
      }
    });

    stage.story("kubectl delete -k leaves nothing of it", async () => {
      await kubectl.run(["delete", "deployment/bots", "--wait"]);
      await remove(inGate, own);
    });
  });

  stage.story(
    "the module's installer runs where a label asks for it, and its pod has the reason why not",
    async () => {
      const own = installerOverlay(directory, "ID=fedora\nVERSION_ID=41\n");
      await kubectl.run(["apply", "-k", own]);
      const name = "v4l2loopback-installer";
      await stage.until("the DaemonSet is wanted on no node", async () => {
        const { status } = await kubectl.get("daemonset", name, "kube-system");
        return status.observedGeneration >= 1 && status.desiredNumberScheduled === 0;
      });
      await kubectl.run(["label", "node", nodeName, "meeting-baas.io/install-v4l2loopback=true"]);
      await stage.until("the pod says that the distribution is not supported", async () => {
        const [pod] = await kubectl.list("pods", `app.kubernetes.io/name=${name}`, "kube-system");
        const [setup] = pod?.status.initContainerStatuses ?? [];
        const { exitCode, message } =
          (setup?.state.terminated ?? setup?.lastState.terminated) || {};
        return exitCode === 1 && message.includes("fedora 41, and only Ubuntu and Debian");
      });
      await kubectl.run(["delete", "-k", own, "--wait"]);
      await kubectl.run(["label", "node", nodeName, "meeting-baas.io/install-v4l2loopback-"]);
    },
  );

  test.skipIf(onlyInFullRun(`the overlays ${others.join(", ")} in a cluster`)).each(others)(
    "the overlay %s is applied, offers 8 devices, and is deleted without a rest",
    async (overlay) => {
      const own = await apply(overlay);
      await remove(overlay, own);
    },
    stage.limits.storyMs,
  );
});

/** An overlay of the overlay, as a user writes it: the image, and an environment for tests. @returns its directory. */
function ownOverlay(parent: string, overlay: string): string {
  const directory = join(parent, overlay);
  mkdirSync(directory);
  const { initContainers = [], containers } = renderedPodTemplate(
    overlay.startsWith("restricted") ? "restricted" : "full",
  ).spec;
  const simulated = Object.entries({
    VIDEO_DRIVER: "simulated",
    // The same path as on the node, because Allocate answers with it.
    SIMULATED_DIR: `${stateDir}/simulated`,
    POD_RESOURCES_INTERVAL: "1",
    HEALTH_CHECK_INTERVAL: "1",
  }).map(([name, value]) => ({ name, value }));
  const patched = (list: readonly { readonly name: string }[]) =>
    list.map(({ name }) => ({ name, env: simulated }));
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    // kustomize takes no absolute path.
    resources: [relative(directory, join(overlaysDir, overlay))],
    images: [
      {
        name: containers[0]?.image.replace(/[:@].*/, "") ?? "",
        newName: `${registryHost}/video-device-plugin`,
        newTag: "0.1.0",
      },
    ],
    patches: [
      {
        target: { kind: "DaemonSet" },
        patch: JSON.stringify({
          apiVersion: "apps/v1",
          kind: "DaemonSet",
          metadata: { name: daemonSet },
          spec: {
            template: {
              spec: {
                ...(initContainers.length > 0 && { initContainers: patched(initContainers) }),
                containers: patched(containers),
              },
            },
          },
        }),
      },
    ],
  };
  writeFileSync(join(directory, "kustomization.yaml"), JSON.stringify(kustomization));
  return directory;
}

/** The installer's kustomization on a host that is a directory, in the image of the tests. @returns its directory. */
function installerOverlay(parent: string, osRelease: string): string {
  const directory = join(parent, "installer");
  const host = join(directory, "host");
  mkdirSync(join(host, "etc"), { recursive: true });
  writeFileSync(join(host, "etc/os-release"), osRelease);
  const image = { image: busybox, imagePullPolicy: "Never" };
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources: [relative(directory, join(checkout, "deploy/kubernetes/module-installer"))],
    patches: [
      {
        target: { kind: "DaemonSet" },
        patch: JSON.stringify({
          apiVersion: "apps/v1",
          kind: "DaemonSet",
          metadata: { name: "v4l2loopback-installer" },
          spec: {
            template: {
              spec: {
                // That image has busybox alone, and no links to it.
                initContainers: [
                  {
                    name: "install",
                    ...image,
                    command: ["/bin/busybox", "sh", "/scripts/install-module.sh"],
                  },
                ],
                containers: [{ name: "done", ...image }],
                volumes: [{ name: "host", hostPath: { path: host } }],
              },
            },
          },
        }),
      },
    ],
  };
  writeFileSync(join(directory, "kustomization.yaml"), JSON.stringify(kustomization));
  return directory;
}

/** Serves what the API server has, at each request: targets of a namespace for Prometheus, and all else as metrics. */
function serveState({ kubectl }: Cluster, namespace: string): Bun.Server<undefined> {
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async ({ url }) => {
      if (url.endsWith("/targets")) {
        return Response.json(podTargets(await kubectl.list("pods", "", namespace)));
      }
      const [daemonSets, pods] = await Promise.all([
        kubectl.list("daemonsets", "", namespace),
        kubectl.list("pods"),
      ]);
      return new Response(stateMetrics({ daemonSets, pods }));
    },
  });
}

/** Pods that own one device each. */
function bots(replicas: number): object {
  const container = {
    name: "app",
    image: busybox,
    imagePullPolicy: "Never",
    command: ["/bin/busybox", "sleep", "100000"],
    resources: { limits: { [resource]: 1 } },
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "bots" },
    spec: {
      replicas,
      selector: { matchLabels: { app: "bots" } },
      template: {
        metadata: { labels: { app: "bots" } },
        spec: { terminationGracePeriodSeconds: 0, containers: [container] },
      },
    },
  };
}
