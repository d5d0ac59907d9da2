import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { EmbeddedNode } from "../contract/embedded-node.ts";
import { freePort } from "../support/free-port.ts";
import { PluginBinary } from "../support/plugin-binary.ts";
import { lintMetrics, prometheusTools } from "./promtool.ts";

/**
 * The metrics of the compiled plugin, on an embedded kubelet and with simulated cameras. Run
 * `bun run build` first, then `bun run test:monitoring`.
 */
const tools = await prometheusTools();

/** Longest wait in milliseconds. */
const patienceMs = 20_000;

class MonitoredNode {
  readonly node = new EmbeddedNode();
  readonly plugin: PluginBinary;
  readonly #url: string;

  constructor(...flags: string[]) {
    const port = freePort();
    this.#url = `http://127.0.0.1:${port}/metrics`;
    this.plugin = new PluginBinary(this.node, {
      flags: [
        "--enable-metrics=true",
        "--metrics-address=127.0.0.1",
        `--metrics-port=${port}`,
        "--pod-resources-interval=1",
        "--node-name=node-a",
        ...flags,
      ],
    });
  }

  async start(): Promise<void> {
    await this.node.startKubelet();
    await this.plugin.start();
    await this.shows(/^video_device_plugin_registered 1$/m);
  }

  async scrape(): Promise<string> {
    return (await fetch(this.#url)).text();
  }

  /** The first exposition that `wanted` matches, or doesn't match if `found` is false. */
  async shows(wanted: RegExp, found = true): Promise<string> {
    const end = performance.now() + patienceMs;
    for (;;) {
      const text = await this.scrape().catch(() => "");
      if (text !== "" && wanted.test(text) === found) return text;
      if (performance.now() > end) {
        throw new Error(`${wanted} is ${found ? "not" : "still"} in the metrics:\n${text}`);
      }
      await Bun.sleep(100);
    }
  }

  async close(): Promise<void> {
    try {
      await this.plugin.stop("SIGTERM");
      this.plugin.assertCleanOutput();
    } finally {
      await this.node.close();
    }
  }
}

/** Names in an exposition, in its order. */
function names(exposition: string): string[] {
  return [...exposition.matchAll(/^# TYPE (\S+) /gm)].flatMap(([, name]) => name ?? []);
}

/** Series of one name, without their values. */
function series(exposition: string, name: string): string[] {
  return [...exposition.matchAll(new RegExp(`^(${name}\\{[^}]*\\}) `, "gm"))].flatMap(
    ([, found]) => found ?? [],
  );
}

const owner = (pod: string) =>
  new RegExp(
    `^video_device_plugin_device_owner_info\\{device="video1\\d",namespace="default",pod="${pod}",container="app"\\} 1$`,
    "m",
  );

describe.skipIf(tools === undefined)("the compiled plugin's metrics", () => {
  let monitored: MonitoredNode;
  beforeAll(async () => {
    monitored = new MonitoredNode();
    await monitored.start();
  });
  afterAll(() => monitored.close());

  test("have exactly these names", async () => {
    const own = names(await monitored.scrape()).filter((name) => name.startsWith("video_"));
    expect(own.map((name) => name.replace("video_device_plugin_", "")).sort()).toEqual([
      "actor_restarts_total",
      "allocate_duration_seconds",
      "allocated_devices_total",
      "allocations_refused_total",
      "build_info",
      "device_clean",
      "device_cordoned",
      "device_healthy",
      "device_in_use",
      "device_owned_idle",
      "device_owner_info",
      "device_resetting",
      "device_retired",
      "devices",
      "event_loop_lag_seconds",
      "inspection_duration_seconds",
      "last_inspection_timestamp_seconds",
      "memory_limit_bytes",
      "memory_working_set_bytes",
      "pod_resources_errors_total",
      "registered",
      "registrations_ended_total",
      "registrations_total",
      "repairs_total",
      "reset_duration_seconds",
      "resets_total",
      "standby",
    ]);
  });

  test("pass promtool, with a pod and without", async () => {
    expect(await lintMetrics(tools ?? "", await monitored.scrape())).toBe("");
    await monitored.node.createPod({ name: "linted", devices: 1 });
    const exposition = await monitored.shows(owner("linted"));
    expect(await lintMetrics(tools ?? "", exposition)).toBe("");
    await monitored.node.deletePod("linted");
  });

  test("with errors fail promtool", async () => {
    const wrong = "# HELP Requests count.\n# TYPE Requests counter\nRequests 1\n";
    expect(await lintMetrics(tools ?? "", wrong)).toContain("_total");
  });

  test("name a pod while it owns devices, and not afterwards", async () => {
    await monitored.node.createPod({ name: "bot-1", devices: 2 });
    const during = await monitored.shows(owner("bot-1"));
    expect(series(during, "video_device_plugin_device_owner_info")).toHaveLength(2);
    await monitored.node.deletePod("bot-1");
    const after = await monitored.shows(owner("bot-1"), false);
    expect(after).not.toContain("bot-1");
  });

  test("count allocated devices", async () => {
    const counted = async () =>
      Number(
        /^video_device_plugin_allocated_devices_total (\d+)$/m.exec(await monitored.scrape())?.[1],
      );
    const before = await counted();
    await monitored.node.createPod({ name: "bot-2", devices: 1 });
    await monitored.shows(owner("bot-2"));
    expect(await counted()).toBe(before + 1);
    await monitored.node.deletePod("bot-2");
  });

  test("have the same series after pods started and ended", async () => {
    await monitored.shows(/device_owner_info\{/, false);
    // Without those that aren't always known.
    const lines = (text: string) =>
      text.split("\n").filter((line) => !/device_(in_use|owned_idle)\{/.test(line)).length;
    const before = lines(await monitored.scrape());
    await monitored.node.createPod({ name: "bot-3", devices: 1 });
    await monitored.shows(owner("bot-3"));
    await monitored.node.deletePod("bot-3");
    const after = await monitored.shows(owner("bot-3"), false);
    expect(lines(after)).toBe(before);
  });

  test("report that the kubelet does not answer, and then name no pod", async () => {
    await monitored.node.createPod({ name: "bot-4", devices: 1 });
    await monitored.shows(owner("bot-4"));
    await monitored.node.stopKubelet();
    const errors =
      /^video_device_plugin_pod_resources_errors_total\{method="List",reason="(absent|failed)"\} [1-9]/m;
    await monitored.shows(errors);
    await monitored.shows(owner("bot-4"), false);
    await monitored.node.startKubelet();
    await monitored.shows(owner("bot-4"));
    await monitored.node.deletePod("bot-4");
  }, 60_000);
});

describe("the compiled plugin's metrics with METRICS_OWNERS=false", () => {
  test("have no owners", async () => {
    const monitored = new MonitoredNode("--metrics-owners=false");
    await monitored.start();
    await monitored.node.createPod({ name: "secret", devices: 1 });
    const used = /^video_device_plugin_device_in_use\{device="video1\d"\} 1$/m;
    const exposition = await monitored.shows(used);
    expect(exposition).not.toContain("secret");
    expect(exposition).not.toContain("device_owner_info");
    await monitored.close();
  }, 30_000);
});
