import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { allocatedByPool, createDrivers } from "../../src/plugin/create-drivers.ts";
import { FakeCameras } from "../support/fake-cameras.ts";
import { recordingLogger } from "../support/recording-logger.ts";
import { eventually, type RunningPlugin } from "./harness.ts";
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

const both = `
  - { name: bots, resource: ${bots}, loopback: { count: 3 }, ready: { feedPath: "/dev/feed{n}" }, cdi: auto }
  - { name: webcams, resource: ${webcams}, devices: { select: [{ driver: uvcvideo }] } }
`;
const withoutCdi = both.replace("cdi: auto", 'cdi: "off"').replace("}] } }", '}] }, cdi: "off" }');

/** A plugin that runs these pools on the node with the cameras. */
async function start(given = both): Promise<RunningPlugin> {
  const path = join(node.directory, "pools.yaml");
  writeFileSync(path, `apiVersion: video-device-plugin/v1alpha1\nkind: Pools\npools:${given}`);
  const places = { "device-dir": cameras.deviceDir, "sysfs-dir": cameras.sysfs.dir };
  const read = (name: string) => readFileSync(name, "utf8");
  const { config, pools } = node.loaded({ ...places, config: path }, read);
  const log = recordingLogger();
  const allocated = await allocatedByPool(config, pools, log, new AbortController().signal);
  const { machine, deviceDir: hostDeviceDir } = cameras;
  const made = createDrivers(config, pools, log, {
    allocated,
    machine: { machine, hostDeviceDir },
  });
  return node.startPlugin(places, { pools: made });
}

interface CdiNode {
  readonly path: string;
  readonly hostPath: string;
}

const fileOf = (pool: string) => join(node.directory, `cdi/example.com-${pool}_${pool}.json`);
/** The nodes of each device in a pool's file. */
const written = (pool: string): Record<string, CdiNode[]> => {
  const { devices } = JSON.parse(readFileSync(fileOf(pool), "utf8"));
  return Object.fromEntries(
    devices.map((device: { name: string; containerEdits: { deviceNodes: CdiNode[] } }) => [
      device.name,
      device.containerEdits.deviceNodes,
    ]),
  );
};
const settingsOf = async (name: string, ofBots: number, ofWebcams: number) => {
  const pod = await node.pod(name, ofBots, ofWebcams);
  expect(pod.phase).toBe("Running");
  return pod.containers[0]?.settings;
};
const serial = "usb-046d-0825-A";

describe("pools with CDI", () => {
  test("name the devices beside device specs of the same paths", async () => {
    cameras.plug("1", { serial: "A" });
    await start();
    await node.kubelet.start();
    await node.offered(3, 1);
    const settings = await settingsOf("a", 2, 1);
    const names = settings?.cdiDevices ?? [];
    expect(names.toSorted()).toEqual([
      expect.stringMatching(/^example\.com\/bots=video1\d$/),
      expect.stringMatching(/^example\.com\/bots=video1\d$/),
      `example.com/webcams=${serial}`,
    ]);
    const all: Record<string, CdiNode[]> = { ...written("bots"), ...written("webcams") };
    const byCdi = names.flatMap((name) => all[name.slice(name.indexOf("=") + 1)] ?? []);
    const bySpec = settings?.devices ?? [];
    const paths = (nodes: readonly { containerPath: string }[]) =>
      nodes.map(({ containerPath }) => containerPath).toSorted();
    // Two of each ready camera.
    expect(byCdi).toHaveLength(5);
    expect(byCdi.map(({ path }) => path).toSorted()).toEqual(paths(bySpec));
    expect(all[serial]).toEqual([
      {
        ...{ path: "/dev/video0", permissions: "rw", fileMode: 0o666 },
        hostPath: join(cameras.deviceDir, "video0"),
      } as CdiNode,
    ]);
  });

  test("have their files before the kubelet has the first list, and after the end of the process", async () => {
    cameras.plug("1", { serial: "A" });
    await node.kubelet.start();
    const files: boolean[] = [];
    node.kubelet.events.listen((event) => {
      if (event.type !== "list_received" || event.total === 0) return;
      files.push(existsSync(fileOf(event.resource === bots ? "bots" : "webcams")));
    });
    const plugin = await start();
    await node.offered(3, 1);
    expect(new Set(files)).toEqual(new Set([true]));
    expect(Object.keys(written("webcams"))).toEqual([serial]);
    await plugin.stop();
    expect([fileOf("bots"), fileOf("webcams")].map((path) => existsSync(path))).toEqual([
      true,
      true,
    ]);
  });

  test("lead to a camera under its new number, at the path that its pod knows, and to none while it is unplugged", async () => {
    cameras.plug("1", { serial: "A" });
    await start();
    await node.kubelet.start();
    await node.offered(3, 1);
    const settings = await settingsOf("a", 0, 1);
    expect(settings?.env["WEBCAMS_DEVICE"]).toBe("/dev/video0");
    const hostPath = () => written("webcams")[serial]?.[0]?.hostPath ?? "";
    cameras.unplug("1");
    await eventually(() => hostPath().endsWith(`/devices/${serial}`), "the end of the node");
    expect(existsSync(hostPath())).toBe(false);
    cameras.plug("2", { serial: "A", numbers: [6, 7] });
    await eventually(() => hostPath() === join(cameras.deviceDir, "video6"), "the new node");
    expect(written("webcams")[serial]).toMatchObject([{ path: "/dev/video0" }]);
    node.kubelet.removePod("a");
    await node.offered(3, 1);
    const next = await settingsOf("b", 0, 1);
    expect(next?.env["WEBCAMS_DEVICE"]).toBe("/dev/video6");
    expect(written("webcams")[serial]).toMatchObject([{ path: "/dev/video6" }]);
  });

  test("of which none has CDI write no file, and name nothing", async () => {
    cameras.plug("1", { serial: "A" });
    await start(withoutCdi);
    await node.kubelet.start();
    await node.offered(3, 1);
    const settings = await settingsOf("a", 1, 1);
    expect(settings?.cdiDevices).toEqual([]);
    expect(existsSync(join(node.directory, "cdi"))).toBe(false);
    expect(existsSync(join(node.stateDir, "cdi.json"))).toBe(false);
  });

  test("give devices by their specs alone if the directory can't be written", async () => {
    cameras.plug("1", { serial: "A" });
    writeFileSync(join(node.directory, "cdi"), "");
    const { log } = await start();
    await node.kubelet.start();
    await node.offered(3, 1);
    const settings = await settingsOf("a", 0, 1);
    expect(settings?.cdiDevices).toEqual([]);
    expect(settings?.devices).toHaveLength(1);
    const warnings = log.lines.filter(({ msg }) => msg === "CDI devices not written");
    expect(warnings.filter(({ level }) => level === "warn")).toHaveLength(2);
  });
});
