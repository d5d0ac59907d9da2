import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { systemClock } from "../../src/common/clock.ts";
import type { PluginError } from "../../src/common/plugin-error.ts";
import { defaultStandbyTimes } from "../../src/device-plugin/standby.ts";
import { defaultMaintenanceTimes } from "../../src/devices/maintenance/maintenance-times.ts";
import { answerProbe } from "../../src/observe/probes.ts";
import { summarise } from "../../src/observe/summary.ts";
import { behaviourOf, type KubeletVersion } from "../../src/simulator/behaviour.ts";
import { eventually, type RunningPlugin, Scenario } from "./harness.ts";

let scenario: Scenario;
beforeEach(() => {
  scenario = new Scenario();
});
afterEach(() => scenario.close());

/** Devices stay as they are unless a test is about their cleaning. */
const slowCleaning = { maintenanceTimes: defaultMaintenanceTimes };
const lockFile = () => join(scenario.stateDir, "meeting-baas.io_video-devices.lock");
const said = ({ log }: RunningPlugin, msg: string) => log.lines.filter((line) => line.msg === msg);
const nodes = () =>
  readdirSync(scenario.simulatedDir)
    .filter((name) => name.startsWith("video"))
    .map((name) => `${name} ${statSync(join(scenario.simulatedDir, name)).ino}`);

/** Starts an instance beside one that serves, and waits until it has inspected the devices. */
async function standby(
  options: Parameters<Scenario["startPlugin"]>[0] = {},
  parts: Parameters<Scenario["startPlugin"]>[1] = slowCleaning,
): Promise<RunningPlugin> {
  const next = scenario.startPlugin(options, parts);
  await eventually(() => next.plugin.status().reason === "standby", "the standby");
  await eventually(
    () => next.plugin.inventory.list().every(({ reason }) => reason !== "unknown"),
    "its inspection",
  );
  return next;
}

describe("a standby", () => {
  test("has inspected the devices, and changes and registers nothing", async () => {
    await scenario.registered({}, slowCleaning);
    scenario.remove("video17");
    await eventually(() => nodes().length === 8, "the device to be back");
    const before = { nodes: nodes(), sockets: scenario.sockets() };
    const next = await standby();
    expect(next.plugin.inventory.list().map(({ health }) => health)).toEqual(
      Array(8).fill("Healthy"),
    );
    next.plugin.reinspect();
    await next.stop();
    expect({ nodes: nodes(), sockets: scenario.sockets() }).toEqual(before);
    expect(scenario.count("register_received")).toBe(1);
    for (const msg of ["Devices set up", "Device reset", "Registered with the kubelet"]) {
      expect(said(next, msg)).toEqual([]);
    }
  });

  test("that is stopped after a rollback leaves the serving instance alone", async () => {
    const old = await scenario.registered({ "remove-devices-on-exit": "true" }, slowCleaning);
    const before = nodes();
    const next = await standby({ "remove-devices-on-exit": "true" });
    await next.stop();
    expect(nodes()).toEqual(before);
    expect(old.plugin.status().registered).toBe(true);
    expect(scenario.count("stream_ended")).toBe(0);
    expect(readFileSync(lockFile(), "utf8")).toBe("");
  });

  test("is ready, and says that it stands by", async () => {
    await scenario.registered({}, slowCleaning);
    const { plugin } = await standby();
    const ready = (query = "") =>
      answerProbe(new URL(`http://localhost/readyz${query}`), plugin.probes);
    expect(ready()?.status).toBe(200);
    expect(await ready()?.text()).toBe("ok: standby, devices\n");
    expect(await ready("?verbose")?.text()).toContain("[+]standby ok");
    const status = plugin.actions.status();
    expect(status.kubelet).toMatchObject({ registered: false, reason: "standby" });
    expect(status.kubelet?.detail).toBe("");
    expect(summarise(status)).toEqual({
      level: "good",
      sentence: "Standing by for another instance. 8 of 8 devices healthy, 0 in use",
    });
    const { body } = await plugin.metrics.render();
    expect(body).toContain("video_device_plugin_standby 1\n");
    // A sum over the instances of a node would count the devices twice.
    expect(body).toContain('video_device_plugin_devices{state="ok"} 0\n');
    expect(body).not.toContain("video_device_plugin_device_healthy{");
  });

  test("is not ready where none of the devices works, and it can't create one", async () => {
    await scenario.registered({}, slowCleaning);
    mkdirSync(join(scenario.simulatedDir, "video100"));
    const { plugin } = await standby({ "first-device-number": "100", "max-devices": "1" });
    const ready = answerProbe(new URL("http://localhost/readyz"), plugin.probes);
    expect(ready?.status).toBe(503);
    expect(await ready?.text()).toContain("none works: video100 is wrong_driver");
  });

  test("refuses what would change a device", async () => {
    await scenario.registered({}, slowCleaning);
    const { plugin } = await standby();
    const { reset, repair, cordon, uncordon } = plugin.actions;
    const calls: (() => Promise<unknown>)[] = [
      () => reset("video10", { force: true }),
      () => repair("video10", { force: true }),
      () => cordon("video10", "broken"),
      () => uncordon("video10"),
    ];
    for (const call of calls) {
      const code = await call().catch((error: PluginError) => error.code);
      expect(code).toBe("standby");
    }
  });

  test("is warned of when it lasts longer than an update, once", async () => {
    await scenario.registered({}, slowCleaning);
    const standbyTimes = { ...defaultStandbyTimes, longMs: 300 };
    const next = await standby({}, { ...slowCleaning, standbyTimes });
    await eventually(() => said(next, "Still standing by").length > 0, "the warning");
    const status = next.plugin.actions.status();
    expect(status.kubelet?.detail).toContain("Run one instance for each resource name and node");
    expect(summarise(status).level).toBe("warn");
    await Bun.sleep(200);
    expect(said(next, "Still standing by").map(({ level }) => level)).toEqual(["warn"]);
  });

  test("of another release, which has its own state directory, waits for the socket", async () => {
    await scenario.registered({}, slowCleaning);
    const next = await standby({
      "state-dir": join(scenario.directory, "other-state"),
      "socket-path": join(scenario.dir, "other-release.sock"),
    });
    expect(said(next, "Standing by")[0]?.fields["socket_paths"]).toEqual([scenario.socketPath()]);
  });

  test("serves on a hidden socket before it takes over, which goes with it", async () => {
    await scenario.registered({}, slowCleaning);
    const hidden = () => readdirSync(scenario.dir).filter((name) => name.startsWith(".video"));
    const next = await standby();
    await eventually(() => hidden().length === 1, "the hidden socket");
    await next.stop();
    expect(hidden()).toEqual([]);
  });

  test("takes over also after a kubelet's start has removed its hidden socket", async () => {
    const old = await scenario.registered({}, slowCleaning);
    const hidden = () => readdirSync(scenario.dir).filter((name) => name.startsWith(".video"));
    const next = await standby();
    await eventually(() => hidden().length === 1, "the hidden socket");
    scenario.kubelet.stop();
    await scenario.kubelet.start();
    await scenario.counts(8, 8);
    expect(hidden()).toEqual([]);
    await old.stop();
    await eventually(() => next.plugin.status().registered, "the registration");
    await scenario.counts(8, 8);
  });

  test("is none beside an instance of another resource", async () => {
    const first = await scenario.registered({}, slowCleaning);
    const second = scenario.startPlugin(
      { "resource-name": "example.com/cameras", "first-device-number": "30" },
      slowCleaning,
    );
    await eventually(() => second.plugin.status().registered, "the second's registration");
    expect(first.plugin.status().registered).toBe(true);
    for (const instance of [first, second]) {
      expect(said(instance, "Another instance is serving on this node")).toEqual([]);
      expect(said(instance, "Standing by")).toEqual([]);
    }
  });
});

describe.each<KubeletVersion>(["1.26", "1.36"])("with kubelet %s a standby", (version) => {
  beforeEach(() => {
    scenario.kubelet.behaviour = behaviourOf(version);
  });

  test("registers once, after the old stream has ended", async () => {
    const old = await scenario.registered({}, slowCleaning);
    const next = await standby();
    scenario.seen.length = 0;
    await old.stop();
    await eventually(() => next.plugin.status().registered, "the registration");
    await scenario.counts(8, 8);
    const order = scenario.seen
      .map(({ type }) => type)
      .filter((type) => ["stream_ended", "register_received", "list_received"].includes(type));
    expect(order).toEqual(["stream_ended", "register_received", "list_received"]);
    // A registration that was lost would show as allocatable by now, and fail to allocate.
    const pod = await scenario.kubelet.addPod({
      name: "a",
      containers: [{ name: "c", devices: 8 }],
    });
    expect(pod.phase).toBe("Running");
  });
});

describe.each<KubeletVersion>(["1.26", "1.36", "1.37"])("with kubelet %s a standby", (version) => {
  beforeEach(() => {
    scenario.kubelet.behaviour = behaviourOf(version);
  });

  test("is one of two that takes over, and the other one goes on standing by", async () => {
    const old = await scenario.registered({}, slowCleaning);
    const two = [await standby(), await standby()];
    await old.stop();
    await eventually(() => two.some(({ plugin }) => plugin.status().registered), "one of them");
    const other = two.find(({ plugin }) => !plugin.status().registered);
    expect(other?.plugin.status().reason).toBe("standby");
    const serving = two.find((each) => each !== other);
    await serving?.stop();
    await eventually(() => other?.plugin.status().registered === true, "the other one");
    await scenario.counts(8, 8);
    expect(scenario.count("register_received")).toBe(3);
  });
});

describe("a take-over", () => {
  test.each([
    ["ready cameras", { "ready-cameras": "true" }, "/video145"],
    ["other numbers", { "first-device-number": "100" }, "/video107"],
  ])("creates the devices of an update to %s, and its pod is ready for that", async (...row) => {
    const [, options, path] = row;
    const old = await scenario.registered({}, slowCleaning);
    const { plugin } = await standby(options);
    const reasons = () => plugin.inventory.list().map(({ reason }) => reason);
    const readiness = () => answerProbe(new URL("http://localhost/readyz"), plugin.probes);
    expect(reasons()).toEqual(Array(8).fill("missing"));
    expect(readiness()?.status).toBe(200);
    expect(existsSync(scenario.simulatedDir + path)).toBe(false);
    await old.stop();
    await scenario.counts(8, 8);
    expect(reasons()).toEqual(Array(8).fill("ok"));
    expect(existsSync(scenario.simulatedDir + path)).toBe(true);
    await eventually(() => readiness()?.status === 200, "the readiness");
  });

  test("resets free plain devices that become ready cameras: they have other parameters", async () => {
    const old = await scenario.registered({}, slowCleaning);
    const next = await standby({ "ready-cameras": "true" }, {});
    await old.stop();
    const resets = () => said(next, "Device reset").map(({ fields }) => fields["device_id"]);
    await eventually(() => resets().length === 8, "the resets");
    expect(resets().sort()).toEqual(next.plugin.inventory.list().map(({ id }) => id));
  });

  const clean = ({ plugin }: RunningPlugin) =>
    plugin.actions
      .status()
      .devices.filter((device) => device.clean)
      .map(({ id }) => id);

  test("carries over which devices are clean, and resets no other one at once", async () => {
    const old = await scenario.registered({}, slowCleaning);
    await scenario.kubelet.addPod({ name: "a", containers: [{ name: "c", devices: 1 }] });
    const [owned = ""] = scenario.kubelet.allocations()["a"] ?? [];
    const next = await standby();
    const before = nodes();
    await old.stop();
    await eventually(() => next.plugin.status().registered, "the registration");
    const others = next.plugin.inventory.list().flatMap(({ id }) => (id === owned ? [] : [id]));
    expect(clean(next)).toEqual(others);
    expect(nodes()).toEqual(before);
    expect(readFileSync(lockFile(), "utf8")).toBe("");
  });

  test("resets what a pod left that has ended, before the next pod gets it", async () => {
    let laterMs = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + laterMs };
    const old = await scenario.registered({}, { ...slowCleaning, clock });
    const [prepare, app] = [{ name: "prepare", devices: 1, init: true }, { name: "app" }];
    await scenario.kubelet.addPod({ name: "a", containers: [prepare, app] });
    const used = scenario.seen.flatMap((event) =>
      event.type === "allocated" ? event.deviceIds : [],
    );
    expect(used).toHaveLength(1);
    scenario.kubelet.removePod("a");
    laterMs = 600_000;
    // The next Allocate counts as that pod's second one only within this time, on a busy machine as well.
    const next = await standby(
      {},
      { maintenanceTimes: { ...defaultMaintenanceTimes, reallocateMs: 60_000 } },
    );
    await old.stop();
    await eventually(() => next.plugin.status().registered, "the registration");
    await scenario.counts(8, 8);
    await scenario.kubelet.addPod({ name: "b", containers: [{ name: "c", devices: 8 }] });
    expect(said(next, "Device reset").map(({ fields }) => fields["device_id"])).toEqual(used);
  });

  test("believes no note from before it stood by, as an older plugin may have served since", async () => {
    const old = await scenario.registered({}, slowCleaning);
    await old.stop();
    expect(readFileSync(lockFile(), "utf8")).toContain("video10");
    const next = scenario.startPlugin({}, slowCleaning);
    await scenario.counts(8, 8);
    expect(clean(next)).toEqual([]);
    expect(readFileSync(lockFile(), "utf8")).toBe("");
  });

  test("takes no device for clean that was replaced meanwhile", async () => {
    const old = await scenario.registered({}, slowCleaning);
    // The standby can't know the devices of another directory, although their IDs are the same.
    const next = scenario.startPlugin(
      { "simulated-dir": join(scenario.directory, "other-dev") },
      slowCleaning,
    );
    await eventually(() => next.plugin.status().reason === "standby", "the standby");
    await old.stop();
    await eventually(() => next.plugin.status().registered, "the registration");
    expect(said(next, "Clean devices known from the last instance")[0]?.fields).toEqual({
      device_ids: [],
    });
  });

  test("after a crash removes the socket that was left", async () => {
    await scenario.kubelet.start();
    const left = join(scenario.dir, "video-device-plugin-38142f-77-abcdefgh.sock");
    const script = `require("net").createServer().listen(${JSON.stringify(left)}, () => console.log("on"))`;
    const crashed = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    await crashed.stdout.getReader().read();
    const next = await standby();
    crashed.kill("SIGKILL");
    await eventually(() => next.plugin.status().registered, "the registration");
    await eventually(() => !existsSync(left), "the socket's removal");
    expect(said(next, "Another instance is serving on this node")).toEqual([]);
  });

  test("reads the cordons that the last instance has written meanwhile", async () => {
    const old = await scenario.registered({}, slowCleaning);
    const next = await standby();
    await old.plugin.actions.cordon("video12", "");
    await old.stop();
    await scenario.counts(8, 7);
    expect(next.plugin.inventory.get("video12")?.reason).toBe("cordoned");
  });

  test("from an older plugin, which has no lock, comes when its socket is gone", async () => {
    await scenario.kubelet.start();
    const path = join(scenario.dir, "video-device-plugin-77-abcdefgh.sock");
    const older = createServer().listen(path);
    const next = await standby({}, { ...slowCleaning });
    expect(said(next, "Standing by")[0]?.fields["socket_paths"]).toEqual([path]);
    older.close();
    await eventually(() => next.plugin.status().registered, "the registration");
    expect(scenario.count("register_received")).toBe(1);
  });

  test("from an older plugin that stays comes after the time of an update", async () => {
    await scenario.kubelet.start();
    const older = createServer().listen(join(scenario.dir, "video-device-plugin-77-abcdefgh.sock"));
    const standbyTimes = { ...defaultStandbyTimes, longMs: 300 };
    const next = scenario.startPlugin({}, { ...slowCleaning, standbyTimes });
    await eventually(() => next.plugin.status().registered, "the registration");
    const warned = () => said(next, "Another instance is serving on this node").length === 1;
    await eventually(warned, "the warning");
    older.close();
  });

  test("without a directory for the lock is as before: the log says so, and the instance registers", async () => {
    writeFileSync(scenario.stateDir, "no directory");
    const plugin = await scenario.registered({}, slowCleaning);
    const [line] = said(plugin, "Instances can't hand over to each other");
    expect(line?.fields["lock_path"]).toBe(lockFile());
  });
});
