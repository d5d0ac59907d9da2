import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { PluginError } from "../../src/common/plugin-error.ts";
import { defaultMaintenanceTimes } from "../../src/devices/maintenance/maintenance-times.ts";
import { LogLevel } from "../../src/gen/videodevice/admin/v1/admin_pb.ts";
import { FileLock } from "../../src/linux/file-lock.ts";
import { linuxCalls } from "../../src/linux/linux-calls.ts";
import { answerProbe } from "../../src/observe/probes.ts";
import { adminClient, failureOf } from "../support/admin-client.ts";
import { FakeDriver, observation } from "../support/fake-driver.ts";
import { eventually, type RunningPlugin } from "./harness.ts";
import { bots, PoolNode, webcams } from "./pool-node.ts";

let node: PoolNode;
beforeEach(() => {
  node = new PoolNode();
});
afterEach(() => node.close());

const said = ({ log }: RunningPlugin, msg: string) => log.lines.filter((line) => line.msg === msg);
const ready = async ({ plugin }: RunningPlugin) => {
  const response = answerProbe(new URL("http://localhost/readyz"), plugin.probes);
  return [response?.status, await response?.text()];
};

describe("a node with two pools", () => {
  test("gives a container that asks for both a device of each, under names that don't meet", async () => {
    await node.served();
    const pod = await node.pod("a");
    expect(pod.phase).toBe("Running");
    const { env = {}, devices = [] } = pod.containers[0]?.settings ?? {};
    const [bot = ""] = node.kubelet.allocations(bots)["a"] ?? [];
    const [webcam = ""] = node.kubelet.allocations(webcams)["a"] ?? [];
    expect([bot, webcam]).toEqual([
      expect.stringMatching(/^video1\d$/),
      expect.stringMatching(/^video2\d$/),
    ]);
    expect(devices.map(({ containerPath }) => containerPath).toSorted()).toEqual([
      `/dev/${bot}`,
      "/dev/webcam0",
    ]);
    expect(env).toMatchObject({ VIDEO_DEVICE: `/dev/${bot}`, WEBCAM_DEVICE: "/dev/webcam0" });
  });

  test("shows both in one status, and each device with its pool", async () => {
    const plugin = await node.served();
    await node.pod("a");
    await eventually(() => said(plugin, "Device owned by pod").length === 2, "the owners");
    const status = await node.status();
    expect(status.pools).toMatchObject([
      { name: "bots", resourceName: bots, kubelet: { registered: true } },
      { name: "webcams", resourceName: webcams, kubelet: { registered: true } },
    ]);
    expect(status.devices.map(({ pool, id }) => `${pool} ${id}`)).toEqual([
      ...["bots video10", "bots video11", "bots video12"],
      ...["webcams video20", "webcams video21"],
    ]);
    const owned = status.devices.filter(({ owner }) => owner?.pod === "a");
    expect(owned.map(({ pool }) => pool)).toEqual(["bots", "webcams"]);
    expect(await ready(plugin)).toEqual([
      200,
      "ok: registered of bots, devices of bots, registered of webcams, devices of webcams\n",
    ]);
  });

  test("has the pool in the log of what belongs to one, and not in that of the process", async () => {
    const plugin = await node.served();
    const poolsOf = (msg: string) => said(plugin, msg).map(({ fields }) => fields["pool"]);
    expect(poolsOf("Registered with the kubelet").toSorted()).toEqual(["bots", "webcams"]);
    expect(poolsOf("Devices set up").toSorted()).toEqual(["bots", "webcams"]);
    await eventually(() => poolsOf("Serving the admin API").length > 0, "the admin socket");
    expect(poolsOf("Serving the admin API")).toEqual([undefined]);
  });

  test("has metrics with the resource name of each", async () => {
    const { plugin } = await node.served();
    const { body } = await plugin.metrics.render();
    const lines = body.split("\n");
    for (const line of [
      `registered{resource="${bots}"} 1`,
      `registered{resource="${webcams}"} 1`,
      `device_healthy{resource="${webcams}",device="video20"} 1`,
      `registrations_total{resource="${bots}",result="accepted"} 1`,
      `actor_restarts_total{resource="${webcams}",actor="monitor"} 0`,
      'actor_restarts_total{actor="admin"} 0',
      "standby 0",
    ]) {
      expect(lines).toContain(`video_device_plugin_${line}`);
    }
  });

  test("operates a device by its ID alone, whatever its pool is", async () => {
    const { log } = await node.served();
    const client = adminClient(node.adminSocket);
    await client.cordonDevice({ deviceId: "video21", note: "dark" });
    await node.offered(3, 1);
    expect(log.lines.find(({ msg }) => msg === "Device cordoned")?.fields).toMatchObject({
      pool: "webcams",
    });
    const { device } = await client.resetDevice({ deviceId: "video11", force: true });
    expect(device).toMatchObject({ id: "video11", pool: "bots", resets: 1 });
    const unknown = client.cordonDevice({ deviceId: "video13" });
    expect(await failureOf(unknown)).toBe("NotFound device_unknown");
    await expect(unknown).rejects.toThrow("the node has video10 to video12, video20 to video21.");
    await client.uncordonDevice({ deviceId: "video21" });
    await node.offered(3, 2);
  });

  test("keeps cordons of both over a restart", async () => {
    const { stop } = await node.served();
    const client = adminClient(node.adminSocket);
    for (const deviceId of ["video10", "video20"]) await client.cordonDevice({ deviceId });
    await stop();
    node.startPools();
    await node.offered(2, 1);
  });

  test("registers both again after a restart of the kubelet, and pods keep their devices", async () => {
    await node.served();
    const before = await node.pod("a");
    await node.kubelet.restart();
    await node.offered(3, 2);
    expect(node.kubelet.pod("a")).toEqual(before);
    expect((await node.pod("b", 2, 1)).phase).toBe("Running");
  });

  test("ends both at its stop, and leaves the devices", async () => {
    const { stop } = await node.served();
    await stop();
    await node.offered(0, 0);
    expect(node.sockets()).toEqual([]);
    expect(readdirSync(node.simulatedDir).filter((name) => /^video/.test(name))).toHaveLength(5);
  });

  test("removes the devices of both at its end, if they end with it", async () => {
    const options = { "remove-devices-on-exit": "true" };
    const { stop } = node.startPlugin(options, { pools: node.pools() });
    await node.kubelet.start();
    await node.offered(3, 2);
    await stop();
    expect(readdirSync(node.simulatedDir).filter((name) => /^video/.test(name))).toEqual([]);
  });
});

describe("the trouble of one pool", () => {
  test("whose devices can't be created leaves the other one's offered", async () => {
    const driver = new FakeDriver(2, 20);
    driver.onEnsure = () => {
      throw new PluginError("module_load_failed", "There is no module.", { remedy: "Install it." });
    };
    const plugin = node.startPools({ pools: node.pools({ webcams: driver }) });
    await node.kubelet.start();
    await node.offered(3, 0);
    expect((await node.pod("a", 1, 0)).phase).toBe("Running");
    const { pools, devicesDetail } = await node.status();
    expect(pools.map((pool) => pool.devicesDetail)).toEqual([
      "",
      "There is no module. Install it.",
    ]);
    expect(devicesDetail).toBe("webcams: There is no module. Install it.");
    const [status, text] = await ready(plugin);
    expect(status).toBe(503);
    expect(JSON.parse(String(text)).missing).toMatchObject([{ check: "devices of webcams" }]);
  });

  test("whose work hangs leaves the other one's allocated and reset", async () => {
    const driver = new FakeDriver(2, 20);
    driver.onEnsure = () => new Promise(() => undefined);
    const pools = node.pools({ bots: new FakeDriver(3, 10), webcams: driver });
    const plugin = node.startPools({ pools });
    await node.kubelet.start();
    await node.kubelet.until(() => node.kubelet.resources(bots).allocatable === 3);
    await node.pod("a", 3, 0);
    await eventually(() => said(plugin, "Device owned by pod").length === 3, "the owner");
    node.kubelet.removePod("a");
    await eventually(() => said(plugin, "Device reset").length === 3, "the resets");
  });

  test("whose part fails restarts that part alone", async () => {
    const driver = new FakeDriver(2, 20);
    driver.watch = () => {
      throw new Error("no inotify");
    };
    const plugin = node.startPools({ pools: node.pools({ webcams: driver }) });
    await node.kubelet.start();
    await node.kubelet.until(() => node.kubelet.resources(bots).allocatable === 3);
    await eventually(() => said(plugin, "Part failed").length > 0, "the failure");
    const failed = said(plugin, "Part failed").map(({ fields }) => fields["pool"]);
    expect(new Set(failed)).toEqual(new Set(["webcams"]));
    const { body } = await plugin.plugin.metrics.render();
    expect(body).toContain(`actor_restarts_total{resource="${bots}",actor="monitor"} 0`);
    expect(body).not.toContain(`actor_restarts_total{resource="${webcams}",actor="monitor"} 0`);
  });

  test("whose registration is refused leaves the other one registered", async () => {
    const pools = node.pools({}, [bots, "kubernetes.io/webcams"]);
    const plugin = node.startPools({ pools });
    await node.kubelet.start();
    await node.kubelet.until(() => node.kubelet.resources(bots).allocatable === 3);
    await eventually(() => said(plugin, "Registration failed").length > 0, "the refusal");
    expect(said(plugin, "Registration failed")[0]?.fields["pool"]).toBe("webcams");
    const { kubelet, pools: shown } = await node.status();
    expect(shown.map((pool) => pool.kubelet?.registered)).toEqual([true, false]);
    expect(kubelet?.registered).toBe(false);
    expect((await node.pod("a", 1, 0)).phase).toBe("Running");
  });
});

test("a device number that a pod of one pool may have is held out of the offer of the other", async () => {
  const [first, second] = [new FakeDriver(1, 10), new FakeDriver(1, 20)];
  const at = (driver: FakeDriver, id: string, deviceNumber: string) => {
    driver.observations.set(id, { ...observation(id, "ok"), deviceNumber });
    driver.notify();
  };
  at(first, "video10", "81:0");
  at(second, "video20", "81:1");
  const slowly = { maintenanceTimes: { ...defaultMaintenanceTimes, pollMs: 100 } };
  const pools = node.pools({ bots: first, webcams: second });
  const plugin = node.startPools({ pools, ...slowly });
  await node.kubelet.start();
  await node.offered(1, 1);
  await node.pod("a", 1, 0);
  await eventually(() => said(plugin, "Device owned by pod").length === 1, "the owner");
  // The first one was lost under its pod, and the second one was created again with its number.
  at(first, "video10", "81:2");
  at(second, "video20", "81:0");
  await node.offered(1, 0);
  const [, webcam] = (await node.status()).devices;
  expect(webcam).toMatchObject({ id: "video20", reason: "minor_in_use" });
  expect(webcam?.detail).toContain("The pod default/a may still have its device number 81:0");
  expect(plugin.log.lines.filter(({ level }) => level === "error")).toEqual([]);
});

describe("another instance with the same two pools", () => {
  const slowCleaning = { maintenanceTimes: defaultMaintenanceTimes };

  async function standby(): Promise<RunningPlugin> {
    const next = node.startPools(slowCleaning);
    await eventually(() => said(next, "Standing by").length === 2, "the standby of both");
    await eventually(
      () => readdirSync(node.dir).filter((name) => name.startsWith(".video")).length === 2,
      "its hidden sockets",
    );
    return next;
  }

  for (const version of ["1.33", "1.37"] as const) {
    test(`takes over both from one that ends, and pods keep their devices (${version})`, async () => {
      await node.close();
      node = new PoolNode(version);
      const old = await node.served(slowCleaning);
      const before = await node.pod("a");
      const next = await standby();
      expect((await node.pod("b")).phase).toBe("Running");
      await old.stop();
      await eventually(() => said(next, "Registered with the kubelet").length === 2, "both");
      await node.offered(3, 2);
      expect(node.kubelet.pod("a")).toEqual(before);
      const clean = () => said(next, "Clean devices known from the last instance");
      await eventually(() => clean().length === 2, "the notes of both");
      expect(clean().map(({ fields }) => fields["pool"])).toEqual(["bots", "webcams"]);
      if (version === "1.37") expect(node.count("endpoint_stopped")).toBe(0);
      node.kubelet.removePod("a");
      expect((await node.pod("c")).phase).toBe("Running");
    });
  }

  test("stands by as a whole while one of its resources is served, and is ready", async () => {
    const single = node.pools().slice(1);
    const old = node.startPools({ pools: single, ...slowCleaning });
    await node.kubelet.start();
    await node.kubelet.until(() => node.kubelet.resources(webcams).allocatable === 2);
    const next = node.startPools(slowCleaning);
    await eventually(() => said(next, "Standing by").length === 1, "the standby");
    expect(said(next, "Standing by")[0]?.fields).toMatchObject({ pool: "webcams" });
    await eventually(async () => (await ready(next))[0] === 200, "its readiness");
    expect(await ready(next)).toEqual([200, "ok: standby, devices of webcams\n"]);
    expect(node.kubelet.resources(bots).allocatable).toBe(0);
    await old.stop();
    await node.offered(3, 2);
  });

  test("takes no lock before it has that of the resource that comes first", async () => {
    const lockOf = (resource: string) => {
      const path = join(node.stateDir, `${resource.replace("/", "_")}.lock`);
      return new FileLock(path, linuxCalls());
    };
    const [first, second] = [lockOf(bots), lockOf(webcams)];
    expect(first.tryLock()).toBe(true);
    // In whatever order the configuration has its pools.
    const next = node.startPools({ pools: node.pools().toReversed(), ...slowCleaning });
    await node.kubelet.start();
    await eventually(() => said(next, "Standing by").length === 1, "the standby");
    expect(second.tryLock()).toBe(true);
    second.release();
    first.release();
    await node.offered(3, 2);
    expect(second.tryLock()).toBe(false);
    second.release();
  });
});

test("the log level is one for all pools", async () => {
  await node.served();
  const { previous } = await adminClient(node.adminSocket).setLogLevel({ level: LogLevel.WARN });
  expect(previous).toBe(LogLevel.INFO);
});
