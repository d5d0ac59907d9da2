import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Signal } from "../../src/gen/videodevice/admin/v1/admin_pb.ts";
import { answerProbe } from "../../src/observe/probes.ts";
import { allocatedByPool, createDrivers } from "../../src/plugin/create-drivers.ts";
import { FakeCameras } from "../support/fake-cameras.ts";
import { recordingLogger } from "../support/recording-logger.ts";
import { eventually, ownedByPods, type RunningPlugin } from "./harness.ts";
import { bots, PoolNode, webcams } from "./pool-node.ts";

let cameras: FakeCameras;
let node: PoolNode;
beforeEach(() => {
  cameras = new FakeCameras();
  node = new PoolNode();
});
afterEach(async () => {
  await node.close();
  cameras.close();
});

const serialA = "usb-046d-0825-A";
const serialB = "usb-046d-0825-B";

/** A plugin that runs the pools of this file on the node with the cameras. */
async function start(
  devices = "select: [{ driver: uvcvideo }]",
  askingPods = ownedByPods<readonly (readonly string[])[]>,
): Promise<RunningPlugin> {
  const path = join(node.directory, "pools.yaml");
  const file = `apiVersion: video-device-plugin/v1alpha1
kind: Pools
pools:
  - { name: bots, resource: ${bots}, loopback: { count: 3 } }
  - { name: webcams, resource: ${webcams}, devices: { ${devices} } }
`;
  writeFileSync(path, file);
  const places = { "device-dir": cameras.deviceDir, "sysfs-dir": cameras.sysfs.dir };
  const options = { ...places, config: path };
  const { config, pools } = node.loaded(options, (name) => readFileSync(name, "utf8"));
  const log = recordingLogger();
  const { signal } = new AbortController();
  const allocated = await askingPods((ask) => allocatedByPool(config, pools, ask, signal));
  const { machine, deviceDir: hostDeviceDir } = cameras;
  const use = { allocated, machine: { machine, hostDeviceDir } };
  const made = createDrivers(config, pools, log, use);
  const plugin = node.startPlugin(places, { pools: made });
  // What the drivers log belongs to the plugin's log.
  return { ...plugin, log: { lines: log.lines } };
}

const served = async (devices?: string) => {
  await node.kubelet.start();
  const plugin = await start(devices);
  await node.kubelet.until(() => node.kubelet.resources(bots).allocatable === 3);
  return plugin;
};
const listed = async () => {
  const { devices } = await node.status();
  return devices.flatMap(({ id, pool, reason }) => (pool === "webcams" ? `${id} ${reason}` : []));
};
const linkOf = (id: string) => join(node.directory, "admin/devices", id);
const specsOf = async (name: string, ofBots = 0) => {
  const pod = await node.pod(name, ofBots, 1);
  expect(pod.phase).toBe("Running");
  const { devices = [], env = {} } = pod.containers[0]?.settings ?? {};
  return { devices, env };
};
const has = (resource: string, capacity: number, allocatable: number) =>
  eventually(() => {
    const now = node.kubelet.resources(resource);
    return now.capacity === capacity && now.allocatable === allocatable;
  }, `${capacity} devices, ${allocatable} of them healthy`);

describe("a pool of real devices beside one of loopback devices", () => {
  test("is registered and ready without any device", async () => {
    const { plugin } = await served();
    await eventually(
      async () => (await node.status()).pools.every(({ kubelet }) => kubelet?.registered),
      "both registrations",
    );
    expect(await listed()).toEqual([]);
    const response = answerProbe(new URL("http://localhost/readyz"), plugin.probes);
    expect(response?.status).toBe(200);
    expect(node.kubelet.resources(webcams)).toMatchObject({ capacity: 0, allocatable: 0 });
  });

  test("offers a camera that is plugged in, and gives it by its link, under its number", async () => {
    await served();
    cameras.plug("1", { serial: "A" });
    await node.offered(3, 1);
    const { devices, env } = await specsOf("a", 1);
    expect(devices.toSorted((a, b) => a.containerPath.localeCompare(b.containerPath))).toEqual([
      { hostPath: linkOf(serialA), containerPath: "/dev/video0", permissions: "rw" },
      { ...devices.find(({ hostPath }) => hostPath !== linkOf(serialA)) } as never,
    ]);
    expect(readlinkSync(linkOf(serialA))).toBe(join(cameras.deviceDir, "video0"));
    expect(env).toMatchObject({
      ...{ WEBCAMS_DEVICE: "/dev/video0", WEBCAMS_DEVICES: "/dev/video0" },
      VIDEO_DEVICE: expect.stringMatching(/^\/dev\/video1\d$/),
    });
    expect(cameras.resets).toEqual([join(cameras.deviceDir, "video0")]);
  });

  test("has a camera unhealthy while it is unplugged, and the same one under another number", async () => {
    const { plugin } = await served();
    cameras.plug("1", { serial: "A" });
    await node.offered(3, 1);
    await specsOf("a");
    cameras.unplug("1");
    await has(webcams, 1, 0);
    expect(await listed()).toEqual([`${serialA} unplugged`]);
    const response = answerProbe(new URL("http://localhost/readyz"), plugin.probes);
    expect(response?.status).toBe(200);
    cameras.plug("2", { serial: "A", numbers: [6, 7] });
    await has(webcams, 1, 1);
    expect(readlinkSync(linkOf(serialA))).toBe(join(cameras.deviceDir, "video6"));
    node.kubelet.removePod("a");
    const { devices } = await specsOf("b");
    expect(devices).toEqual([
      { hostPath: linkOf(serialA), containerPath: "/dev/video6", permissions: "rw" },
    ]);
  });

  test("gives a shared camera to two pods, and cleans it when the last one has ended", async () => {
    await served("select: [{ driver: uvcvideo }], share: 2, shareAnyway: true");
    cameras.plug("1", { serial: "A" });
    await has(webcams, 2, 2);
    expect(await listed()).toEqual([`${serialA} ok`]);
    const spec = { hostPath: linkOf(serialA), containerPath: "/dev/video0", permissions: "rw" };
    expect((await specsOf("a")).devices).toEqual([spec]);
    const resets = cameras.resets.length;
    expect((await specsOf("b")).devices).toEqual([spec]);
    node.kubelet.removePod("a");
    expect((await specsOf("c")).devices).toEqual([spec]);
    expect(cameras.resets.length).toBe(resets);
    const isListed = async () => {
      const { devices } = await node.status();
      return devices.some(({ pool, unlisted }) => pool === "webcams" && !unlisted);
    };
    await eventually(isListed, "the kubelet's answer");
    expect(cameras.resets.length).toBe(resets);
    node.kubelet.removePod("b");
    node.kubelet.removePod("c");
    await eventually(() => cameras.resets.length > resets, "a reset of the free camera");
  });

  test("gives a container the further nodes that the pool has, at their own paths", async () => {
    await served("select: [{ driver: uvcvideo }], with: [metadata]");
    cameras.plug("1", { serial: "A" });
    await node.offered(3, 1);
    expect((await specsOf("a")).devices).toEqual([
      { hostPath: linkOf(serialA), containerPath: "/dev/video0", permissions: "rw" },
      {
        hostPath: linkOf(`${serialA}@metadata-0`),
        containerPath: "/dev/video1",
        permissions: "rw",
      },
    ]);
    expect(readlinkSync(linkOf(`${serialA}@metadata-0`))).toBe(join(cameras.deviceDir, "video1"));
  });

  test("shows that a free capture card has no signal, and withdraws it only where the pool needs one", async () => {
    await cameras.addCard(4);
    const input = (status: number) =>
      cameras.inputs.set(4, { state: "answered", input: { name: "HDMI", status } });
    input(0x2);
    const plugin = await served("select: [{ driver: unicam }]");
    await has(webcams, 1, 1);
    const shown = async () => {
      const { devices } = await node.status();
      return devices.flatMap(({ pool, healthy, reason, signal }) =>
        pool === "webcams" ? [[healthy, reason, signal]] : [],
      );
    };
    const shows = (...wanted: unknown[]) =>
      eventually(async () => Bun.deepEquals(await shown(), [wanted]), `${wanted}`);
    await shows(true, "ok", Signal.MISSING);
    await plugin.stop();

    await start("select: [{ driver: unicam }], signal: required");
    await shows(false, "no_signal", Signal.MISSING);
    await has(webcams, 1, 0);
  });

  test("gives a container of two shared cameras one node of each", async () => {
    await served("select: [{ driver: uvcvideo }], share: 2, shareAnyway: true");
    cameras.plug("1", { serial: "A" });
    cameras.plug("2", { serial: "B" });
    await has(webcams, 4, 4);
    const pod = await node.pod("a", 0, 2);
    expect(pod.containers[0]?.settings?.env).toMatchObject({
      WEBCAMS_DEVICES: "/dev/video0,/dev/video2",
    });
  });

  test("offers no other camera that has the number of a pod's camera", async () => {
    await served();
    cameras.plug("1", { serial: "A" });
    await node.offered(3, 1);
    await specsOf("a");
    const number = cameras.machine.nodeNumber(join(cameras.deviceDir, "video0"));
    cameras.unplug("1");
    await has(webcams, 1, 0);
    cameras.plug("2", { serial: "B" });
    cameras.sysfs.put(
      "devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/video4linux/video0/dev",
      `${number?.major}:${number?.minor}`,
    );
    await eventually(
      async () => (await listed()).join() === `${serialA} unplugged,${serialB} minor_in_use`,
      "the guard of the number",
    );
    await has(webcams, 2, 0);
    node.kubelet.removePod("a");
    await has(webcams, 2, 1);
  });

  test("lists a camera that is unplugged after a restart only if a pod owns it", async () => {
    const first = await served();
    cameras.plug("1", { serial: "A" });
    cameras.plug("2", { serial: "B" });
    await node.offered(3, 2);
    await node.kubelet.addPod({
      name: "a",
      containers: [{ name: "c", devices: { [webcams]: 1 } }],
    });
    const [owned = ""] = node.kubelet.allocations(webcams)["a"] ?? [];
    await first.stop();
    for (const port of ["1", "2"]) cameras.unplug(port);
    await start();
    await node.kubelet.until(() => node.kubelet.resources(bots).allocatable === 3);
    await eventually(async () => (await listed()).join() === `${owned} unplugged`, "its list");
  });

  test("lists an unplugged camera of a pod also if the kubelet answers late at the restart", async () => {
    const first = await served();
    cameras.plug("1", { serial: "A" });
    await node.offered(3, 1);
    await specsOf("a");
    await first.stop();
    cameras.unplug("1");
    // More than the second that the start waits.
    node.kubelet.faults.listDelayMs = 1500;
    await start(undefined, (ask) => ask(recordingLogger()));
    // What the plugin asks from now on is answered at once: a busy machine is slow enough.
    node.kubelet.faults.listDelayMs = 0;
    await eventually(async () => (await listed()).join() === `${serialA} unplugged`, "its list");
    await has(webcams, 1, 0);
  });

  test("warns once of fewer devices than expected", async () => {
    const { log } = await served("select: [{ kind: camera }], expect: 2");
    const said = (msg: string) => log.lines.filter((line) => line.msg === msg);
    await eventually(() => said("Fewer devices than expected").length === 1, "the warning");
    cameras.plug("1", { serial: "A" });
    await node.offered(3, 1);
    cameras.plug("2", { serial: "B" });
    await node.offered(3, 2);
    await eventually(() => said("All expected devices are plugged in").length === 1, "its end");
    expect(said("Fewer devices than expected")).toMatchObject([
      { level: "warn", fields: { pool: "webcams", expected: 2, plugged_in: 0 } },
    ]);
  });
});
