import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { defaultPool } from "../../src/config/pool-config.ts";
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

/** A directory in which no lock can be, as one on a mount of the container's own. */
const alone = { "state-dir": "/proc/none" };

describe("the plugin's life", () => {
  test("ends within a second with its stream, without its socket, and with unchanged devices", async () => {
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

  test("ends within a second while it is still creating devices", async () => {
    const driver = new FakeDriver();
    driver.onEnsure = () => new Promise(() => undefined);
    const log = recordingLogger();
    const config = scenario.config({});
    const pools = [{ config: defaultPool(config), driver }];
    const plugin = new Plugin(config, { pools, log, version: "test" });
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

  test("without a shared lock, beside another instance, logs a warning, and the two don't compete", async () => {
    const first = await scenario.registered(alone);
    const second = scenario.startPlugin(alone);
    await eventually(() => second.plugin.status().registered, "the second's registration");
    await scenario.counts(8, 8);
    expect(second.log.lines.map(({ msg }) => msg)).toContain(
      "Another instance is serving on this node",
    );
    await Bun.sleep(500);
    expect(scenario.count("register_received")).toBe(2);
    expect(first.plugin.status().registered).toBe(true);
  });

  test("without a shared lock takes over when another instance ends", async () => {
    await scenario.registered(alone);
    const second = scenario.startPlugin(alone);
    await eventually(() => second.plugin.status().registered, "the second's registration");
    await second.stop();
    // The kubelet dropped the endpoint with the second's stream; the first one learns it from pod-resources.
    await scenario.counts(8, 8);
    const pod = await scenario.kubelet.addPod({
      name: "a",
      containers: [{ name: "c", devices: 1 }],
    });
    expect(pod.phase).toBe("Running");
  });

  test("without a shared lock, with a kubelet that tracks each instance (1.37), the remaining one keeps serving", async () => {
    scenario.kubelet.behaviour = behaviourOf("1.37");
    await scenario.registered(alone);
    const second = scenario.startPlugin(alone);
    await eventually(() => second.plugin.status().registered, "the second's registration");
    await second.stop();
    await scenario.counts(8, 8);
    const pod = await scenario.kubelet.addPod({
      name: "a",
      containers: [{ name: "c", devices: 1 }],
    });
    expect(pod.phase).toBe("Running");
  });

  test("an upgrade without a shared lock ends with the new instance serving on its own socket", async () => {
    const old = await scenario.registered(alone);
    const next = scenario.startPlugin(alone);
    await eventually(() => next.plugin.status().registered, "the new registration");
    await old.stop();
    // Kubelets up to 1.36 disconnect the current client when the old stream ends.
    await eventually(() => next.plugin.status().registered, "the new one's registration");
    await scenario.counts(8, 8);
    expect(scenario.sockets()).toHaveLength(1);
    expect(existsSync(next.plugin.status().socketPath ?? "")).toBe(true);
  });

  test("an upgrade without a shared lock loses no device with a kubelet that tracks each instance (1.37)", async () => {
    scenario.kubelet.behaviour = behaviourOf("1.37");
    const old = await scenario.registered(alone);
    const next = scenario.startPlugin(alone);
    await eventually(() => next.plugin.status().registered, "the new registration");
    await old.stop();
    await Bun.sleep(300);
    expect(scenario.kubelet.resources()).toEqual({ capacity: 8, allocatable: 8 });
  });

  test("restarts under running pods with the same list and unchanged devices", async () => {
    const { stop } = await scenario.registered();
    await scenario.kubelet.addPod({ name: "a", containers: [{ name: "c", devices: 3 }] });
    const before = { nodes: nodes(), pod: scenario.kubelet.pod("a") };
    await stop();
    // By default it would reset free devices after a fifth of a second, which may pass before the check below.
    const { log } = scenario.startPlugin({}, { maintenanceTimes: defaultMaintenanceTimes });
    await scenario.counts(8, 8);
    expect({ nodes: nodes(), pod: scenario.kubelet.pod("a") }).toEqual(before);
    const setUp = log.lines.find(({ msg }) => msg === "Devices set up");
    expect(setUp?.fields["created_device_ids"]).toEqual([]);
    const lists = scenario.seen.filter((event) => event.type === "list_received");
    expect(lists.map(({ healthy }) => healthy)).toEqual([8, 8]);
  });

  test("with fewer devices doesn't disturb a pod that owns a removed one", async () => {
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
