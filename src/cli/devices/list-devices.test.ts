import { afterEach, beforeEach, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { FakeCameras } from "../../../test/support/fake-cameras.ts";
import { FakeLoopbackKernel } from "../../../test/support/fake-loopback-kernel.ts";
import { loadConfig } from "../../config/load-config.ts";
import { width } from "../tools/table.ts";
import { type ListedDevice, listDevices, renderDevices } from "./list-devices.ts";

let kernel: FakeLoopbackKernel;
beforeEach(() => {
  kernel = new FakeLoopbackKernel();
  kernel.preload("devices=3 video_nr=10,11,12");
});
afterEach(() => kernel.close());

async function states(): Promise<string[]> {
  const { sysfsDir, deviceDir, root } = kernel;
  const places = { "sysfs-dir": sysfsDir, "device-dir": deviceDir };
  const flags = Object.entries({ ...places, "pod-resources-socket": join(root, "none.sock") });
  const loaded = loadConfig({
    ...{ argv: flags.map(([flag, value]) => `--${flag}=${value}`), env: {}, hostname: "node" },
    ...{ readFile: () => "", lookupGroup: () => undefined },
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const { devices } = await listDevices(loaded.config, kernel);
  return devices.map(({ state, streaming }) => (streaming ? `${state}, streaming` : state));
}

const set = (number: number, attribute: string, text: string) =>
  writeFileSync(join(kernel.sysfsDir, `class/video4linux/video${number}`, attribute), `${text}\n`);

test("a list shows a device that an interrupted run left locked as faulty", async () => {
  set(10, "max_openers", "0");
  expect(await states()).toEqual(["faulty", "ok", "ok"]);
});

test("a list shows a stuck writer and a present one, while other devices are open", async () => {
  const closes = [kernel.hold(11), kernel.hold(12)];
  for (const number of [10, 11]) set(number, "state", "capture");
  expect(await states()).toEqual(["stuck_writer", "ok, streaming", "ok"]);
  for (const close of closes) close();
});

test("a list has the pool of each real device, if a pool has such devices", async () => {
  const usb = new FakeCameras();
  try {
    usb.plug("1", { serial: "A1", numbers: [0] });
    usb.plug("2", { serial: "B2", numbers: [2] });
    const pool = `{ name: webcams, resource: a.b/webcams, devices: { select: [{ usb: { serial: "A*" } }] } }`;
    const text = `apiVersion: video-device-plugin/v1alpha1\nkind: Pools\npools: [${pool}]\n`;
    const { deviceDir, stateDir, sysfs } = usb;
    const argv = [
      `--device-dir=${deviceDir}`,
      `--sysfs-dir=${sysfs.dir}`,
      `--state-dir=${stateDir}`,
    ];
    const loaded = loadConfig({
      ...{ argv: [...argv, "--config=pools.yaml"], env: {}, hostname: "node" },
      ...{ readFile: () => text, lookupGroup: () => undefined },
    });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const { devices } = await listDevices(loaded.config, kernel, loaded.pools);
    expect(devices.map(({ id, pool: name, noPool }) => [id, name, noPool])).toEqual([
      ["video0", "webcams", ""],
      [...["video2", null], "usb-046d-0825-B2 matches no pool: webcams (usb.serial B2, not A*)."],
    ]);
    const [first] = (await listDevices(loaded.config, kernel)).devices;
    expect(first).not.toHaveProperty("pool");
  } finally {
    usb.close();
  }
});

const camera: ListedDevice = {
  ...{ id: "video10", number: 10, label: "MeetingBot_WebCam", driver: "v4l2loopback" },
  ...{ kind: "loopback", identity: "video10" },
  ...{ state: "ok", detail: "", streaming: true, format: "YUYV:1920x1080@30" },
  ...{ device: "81:0", path: "/dev/video10", mode: "0666", feedOf: null, feed: null },
  holders: [{ pid: 12345, command: "chromium" }],
  pod: "production/meeting-recorder-deployment-7d9f6c5b4-x2x1q",
};

test("a list fits the screen, and keeps the pod and the process longest", () => {
  const sick = { ...camera, id: "video11", state: "missing", detail: "It is missing. ".repeat(9) };
  const lines = (columns: number) => renderDevices([camera, sick], columns).trimEnd().split("\n");
  for (let columns = 60; columns < 160; columns++) {
    for (const line of lines(columns)) expect(width(line)).toBeLessThanOrEqual(columns);
  }
  expect(lines(80).slice(0, 2)).toMatchInlineSnapshot(`
    [
      "DEVICE   LABEL         DRIVER        STATE      POD               OPEN IN",
      "video10  MeetingBot_…  v4l2loopback  streaming  producti…4-x2x1q  chromium (pro…",
    ]
  `);
  expect(lines(Number.POSITIVE_INFINITY)).toHaveLength(4);
});
