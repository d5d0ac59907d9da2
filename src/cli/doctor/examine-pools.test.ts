import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FakeCameras } from "../../../test/support/fake-cameras.ts";
import {
  runtimeAnswers,
  serveContainerRuntime,
} from "../../../test/support/fake-container-runtime.ts";
import { FakeLoopbackKernel } from "../../../test/support/fake-loopback-kernel.ts";
import { loadConfig } from "../../config/load-config.ts";
import type { Check } from "./check.ts";
import { examinePools, withFields } from "./examine-pools.ts";
import { gatherPools } from "./pools-facts.ts";

let kernel: FakeLoopbackKernel;
let usb: FakeCameras;
beforeEach(() => {
  kernel = new FakeLoopbackKernel();
  usb = new FakeCameras();
});
afterEach(() => {
  kernel.close();
  usb.close();
});

const bots = "{ name: bots, resource: a.b/bots, loopback: { count: 2 } }";
const studio = `{ name: studio, resource: a.b/studio, loopback: { count: 1, firstNumber: 40 }, ready: {}, container: { env: STUDIO_DEVICE, path: "/dev/studio{index}" } }`;
const webcams =
  '{ name: webcams, resource: a.b/webcams, devices: { select: [{ driver: uvcvideo }], exclude: [{ usb: { serial: "B*" } }] } }';
const cards =
  "{ name: cards, resource: a.b/cards, devices: { select: [{ driver: bttv }], expect: 2 } }";

/** The doctor's checks with these pools, on the fake kernel's node or on that with the USB cameras. */
async function checks(
  pools: readonly string[],
  on: "kernel" | "usb",
  runtimeSockets: readonly string[] = [],
): Promise<Check[]> {
  const { sysfsDir, deviceDir } =
    on === "kernel" ? kernel : { sysfsDir: usb.sysfs.dir, deviceDir: usb.deviceDir };
  const places = {
    ...{ "sysfs-dir": sysfsDir, "device-dir": deviceDir, "modules-dir": kernel.modulesDir },
    ...{ "state-dir": usb.stateDir, "cdi-dir": join(usb.stateDir, "run/cdi") },
    ...{ "node-name": "node-a", config: "pools.yaml" },
  };
  const text = `apiVersion: video-device-plugin/v1alpha1\nkind: Pools\npools:\n${pools.map((pool) => `  - ${pool}\n`).join("")}`;
  const loaded = loadConfig({
    argv: Object.entries(places).map(([flag, value]) => `--${flag}=${value}`),
    ...{ env: {}, hostname: "node", readFile: () => text, lookupGroup: () => undefined },
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return examinePools(await gatherPools(loaded.config, loaded.pools, kernel, runtimeSockets));
}

const titled = (all: readonly Check[], title: string) => all.find((check) => check.title === title);

test("each loopback pool is examined, the module once, and no pool's device is another camera", async () => {
  kernel.preload("devices=4 video_nr=10,11,40,168");
  const all = await checks([bots, studio], "kernel");
  const about = all.filter(({ pool }) => pool === "bots" || pool === "studio");
  expect(about.map(({ title }) => title)).toEqual(
    expect.arrayContaining(["devices of bots", "devices of studio", "ready cameras of studio"]),
  );
  expect(titled(all, "devices of bots")).toMatchObject({
    ...{ check: "devices", pool: "bots" },
    detail: expect.stringMatching(/^video10 to video11: 2 of 2 there/),
  });
  expect(titled(all, "devices of studio")?.detail).toMatch(/^video40: 1 of 1 there/);
  expect(all.filter(({ check }) => check === "module")).toHaveLength(1);
  expect(titled(all, "other cameras")?.detail).toBe("none");
});

test("a module without a control device has eight devices for all pools together", async () => {
  kernel.close();
  kernel = new FakeLoopbackKernel({ version: "0.12.7" });
  kernel.preload("devices=1 video_nr=10");
  const many = (pool: string, count: number) => pool.replace(/count: \d/, `count: ${count}`);
  const control = async (...pools: string[]) =>
    titled(await checks(pools, "kernel"), "control node");
  expect((await control(many(bots, 6), many(studio, 1)))?.state).toBe("ok");
  expect(await control(many(bots, 6), many(studio, 2))).toMatchObject({
    state: "problem",
    detail: expect.stringContaining("and 10 are wanted"),
    remedy: expect.stringMatching(/^Have 8 devices or less in all pools together/),
  });
});

test("a remedy names the field of the file, and one pool needs no name", async () => {
  kernel.addForeign(10, "USB Camera");
  const devices = titled(await checks([bots], "kernel"), "devices");
  expect(devices?.state).toBe("problem");
  expect(devices?.remedy).toContain("loopback.firstNumber: 40");
  expect(devices).not.toHaveProperty("pool");
  expect(withFields("Set MAX_DEVICES to 8 or less.")).toBe("Set loopback.count to 8 or less.");
});

test("a node with only real devices needs no module, and says which match and why others don't", async () => {
  usb.plug("1", { serial: "A1" });
  usb.plug("2", { serial: "B2" });
  const all = await checks([webcams, cards], "usb");
  const names = all.map(({ check }) => check);
  for (const name of ["module_file", "module", "module_loading", "init_on_alloc"]) {
    expect(names).not.toContain(name);
  }
  expect(titled(all, "devices of webcams")).toMatchObject({
    detail: expect.stringMatching(
      /^usb-046d-0825-A1 "Webcam C270" \(camera\??: video0 video1\); not usb-046d-0825-B2 \(exclude\[0\] matches\)$/,
    ),
  });
  expect(titled(all, "devices of cards")).toMatchObject({
    state: "warning",
    detail:
      "no device of the pool is plugged in; not usb-046d-0825-A1 (it is in the pool webcams), usb-046d-0825-B2 (driver uvcvideo, not bttv)",
    remedy: expect.stringContaining("Plug 2 more in"),
  });
});

test("a node for which the file has no pool is a problem", async () => {
  const all = await checks([bots.replace("{ name", '{ onNodes: ["other-*"], name')], "kernel");
  expect(titled(all, "pools")).toMatchObject({
    state: "problem",
    detail: "pools.yaml has no pool for the node node-a",
  });
});

test("of pools with CDI, one line says what the node's container runtime does with it", async () => {
  mkdirSync(usb.stateDir, { recursive: true });
  const socket = join(usb.stateDir, "containerd.sock");
  const stop = await serveContainerRuntime(socket, runtimeAnswers["containerd 1.6"]);
  try {
    const all = await checks([webcams, cards, bots], "usb", [socket]);
    expect(all.filter(({ check }) => check === "cdi")).toEqual([
      expect.objectContaining({
        title: "CDI",
        state: "warning",
        detail: expect.stringContaining("containerd 1.6.20~ds1 ignores"),
      }),
    ]);
    const only = await checks([bots.replace(" }", " }, cdi: auto")], "usb", [socket]);
    expect(titled(only, "CDI")?.detail).toContain("containerd 1.6.20~ds1 ignores");
  } finally {
    stop();
  }
  expect(titled(await checks([webcams], "usb"), "CDI")?.detail).toContain("no container runtime");
  expect(titled(await checks([bots], "usb"), "CDI")).toBeUndefined();
  // A file where the directory should be: not even root may write there.
  writeFileSync(join(usb.stateDir, "run"), "");
  expect(titled(await checks([webcams], "usb"), "CDI")?.detail).toContain("can't be written to");
});
