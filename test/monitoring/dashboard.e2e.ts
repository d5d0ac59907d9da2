import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { EmbeddedNode } from "../contract/embedded-node.ts";
import { adminClient } from "../support/admin-client.ts";
import { freePort } from "../support/free-port.ts";
import { PluginBinary } from "../support/plugin-binary.ts";
import { type Dashboard, dashboardQueries } from "./dashboard-queries.ts";
import { Prometheus, type Series } from "./prometheus.ts";
import { prometheusTools } from "./promtool.ts";

/**
 * A real Prometheus scrapes the compiled plugin each second during events: pods start and end, one device becomes
 * unhealthy, the kubelet restarts. Needs `bun run build`.
 */
const monitoring = join(import.meta.dir, "../../deploy/monitoring");
const dashboard: Dashboard = await Bun.file(join(monitoring, "dashboard.json")).json();
const tools = await prometheusTools();
const skip = tools === undefined;
const directory = tools ?? "";

/** The longest wait is for a device to count as free, 20 s after its allocation. */
const patienceMs = 90_000;

/** What kube-state-metrics says of a cluster: one of three nodes has no module, and two pods wait for devices. */
const clusterState = `
kube_daemonset_status_desired_number_scheduled{namespace="kube-system",daemonset="video-device-plugin"} 3
kube_daemonset_status_number_ready{namespace="kube-system",daemonset="video-device-plugin"} 2
kube_daemonset_status_desired_number_scheduled{namespace="kube-system",daemonset="other"} 9
kube_daemonset_status_number_ready{namespace="kube-system",daemonset="other"} 9
${["late 1", "wide 2", "wide 1", "runs 1"]
  .map((one, index) => {
    const [pod, devices] = one.split(" ");
    return `kube_pod_container_resource_requests{namespace="bots",pod="${pod}",uid="u",container="c${index}",node="",resource="meeting_baas_io_video_devices",unit="integer"} ${devices}`;
  })
  .join("\n")}
kube_pod_container_resource_requests{namespace="bots",pod="big",uid="u",container="c",node="",resource="cpu",unit="core"} 64
kube_pod_status_unschedulable{namespace="bots",pod="late",uid="u"} 1
kube_pod_status_unschedulable{namespace="bots",pod="wide",uid="u"} 1
kube_pod_status_unschedulable{namespace="bots",pod="big",uid="u"} 1
`;

/** Repeats a query until its answer is right. */
async function eventually<T>(ask: () => Promise<T>, right: (answer: T) => boolean): Promise<T> {
  const end = performance.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (right(answer) || performance.now() > end) return answer;
    await Bun.sleep(500);
  }
}

const hasNumbers = (answer: readonly Series[]) => answer.some(({ values }) => values.length > 0);

describe.skipIf(skip)("the alerts, as promtool sees them", () => {
  const promtool = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(join(directory, "promtool"), args, {
      cwd: monitoring,
      encoding: "utf8",
    });
    return { status, said: `${stdout}${stderr}` };
  };

  test("are valid rules", () => {
    expect(promtool("check", "rules", "alerts.yaml")).toMatchObject({ status: 0 });
  });

  test("pass their tests", () => {
    const { status, said } = promtool("test", "rules", "alerts.test.yaml");
    expect(said).toContain("SUCCESS");
    expect(status).toBe(0);
  }, 60_000);

  test("belong to a valid configuration", async () => {
    const { scrape_configs: scrapes, ...rest } = Bun.YAML.parse(
      await Bun.file(join(monitoring, "prometheus.yaml")).text(),
    ) as { scrape_configs: Record<string, unknown>[] };
    // Debian's Prometheus is built without Kubernetes' service discovery.
    const known = scrapes.map(({ kubernetes_sd_configs: discovery, ...scrape }) => {
      expect(discovery).toEqual([{ role: "pod", namespaces: { names: ["kube-system"] } }]);
      return scrape;
    });
    const file = join(mkdtempSync(join(tmpdir(), "config-")), "prometheus.yaml");
    writeFileSync(file, JSON.stringify({ ...rest, scrape_configs: known }));
    const { status, said } = promtool("check", "config", "--syntax-only", file);
    rmSync(dirname(file), { recursive: true });
    expect(said).toContain("SUCCESS");
    expect(status).toBe(0);
  });
});

describe.skipIf(skip)("a Prometheus that scrapes the compiled plugin", () => {
  let node: EmbeddedNode;
  let plugin: PluginBinary;
  let prometheus: Prometheus;
  let kubeStateMetrics: Bun.Server<undefined>;

  beforeAll(async () => {
    const port = freePort();
    node = new EmbeddedNode();
    plugin = new PluginBinary(node, {
      flags: [
        "--node-name=node-a",
        "--ready-cameras",
        "--enable-metrics",
        "--metrics-address=127.0.0.1",
        `--metrics-port=${port}`,
        "--pod-resources-interval=1",
        "--health-check-interval=1",
      ],
    });
    // Labels as an operator's pod monitor adds them.
    const labels = {
      namespace: "kube-system",
      pod: "video-device-plugin-x7k2p",
      container: "plugin",
    };
    kubeStateMetrics = Bun.serve({ port: 0, fetch: () => new Response(clusterState) });
    prometheus = new Prometheus(join(directory, "prometheus"), {
      global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
      rule_files: [join(monitoring, "alerts.yaml")],
      scrape_configs: [
        {
          job_name: "kube-system/video-device-plugin",
          static_configs: [{ targets: [`127.0.0.1:${port}`], labels }],
        },
        {
          job_name: "kube-state-metrics",
          honor_labels: true,
          static_configs: [{ targets: [`127.0.0.1:${kubeStateMetrics.port}`] }],
        },
      ],
    });
    await Promise.all([prometheus.ready(), node.startKubelet(), plugin.start()]);
    await plugin.explaining(happenings);
  }, patienceMs);

  afterAll(async () => {
    await prometheus?.stop();
    await kubeStateMetrics?.stop(true);
    await plugin?.stop("SIGTERM");
    await node?.close();
  });

  async function happenings(): Promise<void> {
    await node.kubelet.until(() => node.kubelet.resources().allocatable === 8, 30_000, "8 devices");
    await eventually(
      () => prometheus.now("video_device_plugin_registered"),
      ([series]) => series?.values[0] === 1,
    );
    await node.createPod({ name: "recorder", devices: 2 });
    await node.createPod({ name: "mixer", devices: 1 });
    await has("mixer");
    await node.deletePod("mixer");
    // Within half a second of an Allocate the next one counts as the same pod's.
    await Bun.sleep(1000);
    // Gets the mixer's device as well, which has not been reset yet.
    await node.createPod({ name: "crowd", devices: 6 });
    await owned(8);
    await node.deletePod("crowd");
    // The plugin accepts the absence of a pod in a restarted kubelet's list only after a minute.
    await owned(2);
    await node.stopKubelet();
    await Bun.sleep(2000);
    await node.startKubelet();
    await node.kubelet.until(() => node.kubelet.resources().allocatable === 8, 30_000, "8 again");
    await adminClient(plugin.adminSocket).cordonDevice({ deviceId: "video15", note: "a test" });
    await plugin.sicken("video17");
    const [streaming] = (await node.allocations())["recorder"] ?? [];
    const streams = join(plugin.simulatedDir, ".faults", `${streaming}.streaming`);
    writeFileSync(streams, "YUYV 640x480 30 fps");
    writeFileSync(join(plugin.simulatedDir, ".faults", "video16.dead-caps"), "made dead by a test");
  }

  /** Waits until Prometheus sees that many devices with an owner. */
  async function owned(count: number): Promise<void> {
    const owners = await eventually(
      () => prometheus.now("video_device_plugin_device_owner_info"),
      ({ length }) => length === count,
    );
    expect(owners).toHaveLength(count);
  }

  async function has(pod: string): Promise<void> {
    const held = await eventually(
      () => node.allocations(),
      (held) => held[pod] !== undefined,
    );
    expect(Object.keys(held)).toContain(pod);
  }

  for (const { name, expr, instant } of dashboardQueries(dashboard)) {
    test(
      `${name} shows something`,
      async () => {
        const ask = () => (instant ? prometheus.now(expr) : prometheus.lastMinute(expr));
        expect(hasNumbers(await eventually(ask, hasNumbers))).toBe(true);
      },
      patienceMs + 5000,
    );
  }

  for (const [title, wanted] of Object.entries({
    Healthy: 6,
    Cordoned: 1,
    "In use": 2,
    Free: 4,
    Unhealthy: 1,
    "Nodes desired": 3,
    "Nodes ready": 2,
    "Nodes without devices": 1,
    "Free devices": 4,
    "Pods Pending": 2,
    "Owned, no stream": 1,
  })) {
    test(
      `${title} counts ${wanted}`,
      async () => {
        const query = dashboardQueries(dashboard).find(({ name }) => name === `${title} (A)`);
        const [value] = await eventually(
          async () => (await prometheus.now(query?.expr ?? "")).flatMap(({ values }) => values),
          ([value]) => value === wanted,
        );
        expect(value).toBe(wanted);
      },
      patienceMs + 5000,
    );
  }

  test("the table of owners names the device's pod, not the plugin's own", async () => {
    const query = dashboardQueries(dashboard).find(({ name }) => /^Which pod/.test(name));
    const rows = (await prometheus.now(query?.expr ?? "")).map(({ labels }) => labels);
    expect(rows).toHaveLength(2);
    for (const row of rows) {
      expect(row).toMatchObject({ node: "node-a", pod: "recorder", container: "app" });
    }
  });

  test("the table of Pending pods has those that request a device and no others", async () => {
    const query = dashboardQueries(dashboard).find(({ name }) => /^Pods Pending for/.test(name));
    const rows = await prometheus.now(query?.expr ?? "");
    expect(rows.map(({ labels, values }) => [labels["pod"], ...values]).sort()).toEqual([
      ["late", 1],
      ["wide", 3],
    ]);
  });

  test("no Pending pod is 0, and without kube-state-metrics nothing", async () => {
    const query = dashboardQueries(dashboard).find(({ name }) => /^Pods Pending \(/.test(name));
    const values = async (expr: string) =>
      (await prometheus.now(expr)).flatMap(({ values }) => values);
    const expr = query?.expr ?? "";
    expect(await values(expr.replaceAll("kube_pod_status_unschedulable", "absent_one"))).toEqual([
      0,
    ]);
    expect(await values(expr.replaceAll("kube_", "absent_"))).toEqual([]);
  });

  for (const { name, type, query } of dashboard.templating.list) {
    if (type !== "query" || typeof query === "string") continue;
    test(`the variable ${name} has values`, async () => {
      const [, metric = ""] = /^label_values\((\w+), \w+\)$/.exec(query.query) ?? [];
      const found = (await prometheus.now(metric)).map(({ labels }) => labels[name]);
      expect(found.length).toBeGreaterThan(0);
      expect(found).not.toContain(undefined);
    });
  }

  test("every alert can be evaluated, and none fires after a minute of small failures", async () => {
    const rules = await eventually(
      () => prometheus.rules(),
      (rules) => rules.every(({ health }) => health !== "unknown"),
    );
    expect(rules.length).toBeGreaterThan(10);
    for (const rule of rules) expect(rule).toMatchObject({ health: "ok" });
    expect(rules.filter(({ state }) => state === "firing").map(({ name }) => name)).toEqual([]);
  });

  test("the alert of the unhealthy device is pending", async () => {
    const rules = await eventually(
      () => prometheus.rules(),
      (rules) => rules.some(({ state }) => state === "pending"),
    );
    const pending = rules.filter(({ state }) => state === "pending").map(({ name }) => name);
    expect(pending).toContain("VideoDeviceUnhealthy");
  });
});
