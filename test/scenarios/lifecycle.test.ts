import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { defaultMaintenanceTimes } from "../../src/devices/maintenance/maintenance-times.ts";
import { Plugin } from "../../src/plugin/plugin.ts";
import { behaviourOf } from "../../src/simulator/behaviour.ts";
import { bestOf } from "../support/best-of.ts";
import { FakeDriver } from "../support/fake-driver.ts";
import { recordingLogger } from "../support/recording-logger.ts";
import { eventually, Scenario } from "./harness.ts";

let scenario: Scenario;
beforeEach(() => {
  scenario = new Scenario();
});
afterEach(() => scenario.close());

const nodes = () =>
  readdirSync(scenario.simulatedDir)
    .filter((name) => name.startsWith("video"))
    .map((name) => `${name} ${statSync(join(scenario.simulatedDir, name)).ino}`);

describe("the plugin's life", () => {
  test("S22 ends within a second with its stream, its socket gone and the devices as they were", async () => {
    await scenario.kubelet.start();
    const end = async () => {
      const { stop } = scenario.startPlugin();
      await scenario.counts(8, 8);
      const before = nodes();
      const started = performance.now();
      await stop();
      const took = performance.now() - started;
      expect(scenario.sockets()).toEqual([]);
      expect(nodes()).toEqual(before);
      await scenario.counts(8, 0);
      return took;
    };
    expect(await bestOf(1000, end)).toBeLessThan(1000);
  });

  test("S22 ends in good order within a second while devices are still being made", async () => {
    const driver = new FakeDriver();
    driver.onEnsure = () => new Promise(() => undefined);
    const log = recordingLogger();
    const plugin = new Plugin(scenario.config({}), { driver, log, version: "test" });
    const stop = new AbortController();
    const running = plugin.run(stop.signal);
    await eventually(() => driver.calls.includes("ensure"), "the set-up to begin");
    stop.abort();
    await running;
    const { msg, fields } = log.lines.at(-1) ?? {};
    expect(msg).toBe("Work at the devices abandoned");
    expect(fields?.["waited_ms"]).toBeLessThan(1000);
  });

  test("serves on a socket that only root may connect to", async () => {
    await scenario.registered();
    expect(statSync(scenario.socketPath()).mode & 0o777).toBe(0o600);
  });

  test("S24 beside another instance says so, and the two don't contend", async () => {
    const first = await scenario.registered();
    const second = scenario.startPlugin();
    await eventually(() => second.plugin.status().registered, "the second's registration");
    await scenario.counts(8, 8);
    expect(second.log.lines.map(({ msg }) => msg)).toContain(
      "Another instance is serving on this node",
    );
    await Bun.sleep(500);
    expect(scenario.count("register_received")).toBe(2);
    expect(first.plugin.status().registered).toBe(true);
  });

  test("S24 beside another instance takes over when that one ends", async () => {
    await scenario.registered();
    const second = scenario.startPlugin();
    await eventually(() => second.plugin.status().registered, "the second's registration");
    await second.stop();
    // The kubelet dropped the endpoint with the second's stream; the first finds out by asking.
    await scenario.counts(8, 8);
    const pod = await scenario.kubelet.addPod({
      name: "a",
      containers: [{ name: "c", devices: 1 }],
    });
    expect(pod.phase).toBe("Running");
  });

  test("S24 with a kubelet that tells instances apart (1.37), the one left serves on", async () => {
    scenario.kubelet.behaviour = behaviourOf("1.37");
    await scenario.registered();
    const second = scenario.startPlugin();
    await eventually(() => second.plugin.status().registered, "the second's registration");
    await second.stop();
    await scenario.counts(8, 8);
    const pod = await scenario.kubelet.addPod({
      name: "a",
      containers: [{ name: "c", devices: 1 }],
    });
    expect(pod.phase).toBe("Running");
  });

  test("S20 S25 an upgrade that overlaps ends with the new instance serving on its own socket", async () => {
    const old = await scenario.registered();
    const next = scenario.startPlugin();
    await eventually(() => next.plugin.status().registered, "the new registration");
    await old.stop();
    // Kubelets up to 1.36 disconnect whoever is current when the old stream ends.
    await eventually(() => next.plugin.status().registered, "the new one's registration");
    await scenario.counts(8, 8);
    expect(scenario.sockets()).toHaveLength(1);
    expect(existsSync(next.plugin.status().socketPath ?? "")).toBe(true);
  });

  test("S20 the same with a kubelet that tells instances apart (1.37) loses nothing", async () => {
    scenario.kubelet.behaviour = behaviourOf("1.37");
    const old = await scenario.registered();
    const next = scenario.startPlugin();
    await eventually(() => next.plugin.status().registered, "the new registration");
    await old.stop();
    await Bun.sleep(300);
    expect(scenario.kubelet.resources()).toEqual({ capacity: 8, allocatable: 8 });
  });

  test("S26 restarts under running pods with the same list and untouched devices", async () => {
    const { stop } = await scenario.registered();
    await scenario.kubelet.addPod({ name: "a", containers: [{ name: "c", devices: 3 }] });
    const before = { nodes: nodes(), pod: scenario.kubelet.pod("a") };
    await stop();
    // It would clean what no pod has after a fifth of a second, which may be over before the look below.
    const { log } = scenario.startPlugin({}, { maintenanceTimes: defaultMaintenanceTimes });
    await scenario.counts(8, 8);
    expect({ nodes: nodes(), pod: scenario.kubelet.pod("a") }).toEqual(before);
    const setUp = log.lines.find(({ msg }) => msg === "Devices set up");
    expect(setUp?.fields["created_device_ids"]).toEqual([]);
    const lists = scenario.seen.filter((event) => event.type === "list_received");
    expect(lists.map(({ healthy }) => healthy)).toEqual([8, 8]);
  });

  test("S27 with fewer devices leaves a pod that holds a removed one alone", async () => {
    const { stop } = await scenario.registered();
    await scenario.kubelet.addPod({ name: "a", containers: [{ name: "c", devices: 6 }] });
    const pod = scenario.kubelet.pod("a");
    await stop();
    scenario.startPlugin({ "max-devices": "4" });
    await scenario.counts(4, 4);
    expect(scenario.kubelet.pod("a")).toEqual(pod as NonNullable<typeof pod>);
    expect(nodes()).toHaveLength(8);
  });
});
