import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedNode } from "../contract/embedded-node.ts";
import { eventually, patienceMs } from "../support/eventually.ts";
import { PluginBinary } from "../support/plugin-binary.ts";

const binary = join(import.meta.dir, "../../dist/video-device-plugin");

let node: EmbeddedNode;
let plugin: PluginBinary;
beforeEach(async () => {
  node = new EmbeddedNode();
  await node.startKubelet();
  plugin = new PluginBinary(node, { flags: ["--no-manage-devices", "--health-check-interval=1"] });
});
afterEach(async () => {
  await plugin.stop("SIGTERM");
  await node.close();
});

function setup(...args: string[]) {
  const flags = ["--driver=simulated", `--simulated-dir=${plugin.simulatedDir}`, ...args];
  const { exitCode, stdout } = Bun.spawnSync([binary, "setup", ...flags], { cwd: "/", env: {} });
  return { exitCode, stdout: String(stdout) };
}

function nodePath(id: string): string {
  return join(plugin.simulatedDir, id);
}

const until = (allocatable: number) =>
  node.kubelet.until(
    () => node.kubelet.resources().allocatable === allocatable,
    patienceMs,
    `${allocatable} allocatable devices`,
  );

test("setup refuses ready cameras, which are cameras only while the plugin holds them", () => {
  const { exitCode, stdout } = setup("--ready-cameras");
  expect({ exitCode, ...JSON.parse(stdout) }).toMatchObject({
    ...{ exitCode: 1, error_code: "not_supported" },
    remedy: expect.stringContaining("READY_CAMERAS"),
  });
});

test("run with MANAGE_DEVICES=false offers and allocates the devices of setup", async () => {
  expect(setup()).toMatchObject({ exitCode: 0 });
  const before = statSync(nodePath("video10"));
  await plugin.start();
  await until(8);
  for (const name of ["first", "second"]) {
    await node.createPod({ name, devices: 8 });
    const isRunning = () => node.kubelet.pod(name)?.phase === "Running";
    await node.kubelet.until(isRunning, patienceMs, `${name} to run`);
    await node.deletePod(name);
  }
  // Neither created again nor changed in between.
  expect(statSync(nodePath("video10"))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  expect(plugin.log.entries().map(({ msg }) => msg)).toContain(
    "Devices are not reset between pods",
  );
});

test("a removed device stays missing until setup creates it again", async () => {
  setup();
  await plugin.start();
  await until(8);
  rmSync(nodePath("video13"));
  await until(7);
  const refusals = () =>
    plugin.log
      .entries()
      .filter((entry) => entry["error_code"] === "not_managed" && entry["device_id"] === "video13");
  await eventually(() => refusals().length > 0, "the refusal to make it");
  await Bun.sleep(2500);
  expect(node.kubelet.resources()).toEqual({ capacity: 8, allocatable: 7 });
  expect(JSON.parse(setup().stdout)).toMatchObject({ created_device_ids: ["video13"] });
  await until(8);
});

test("a mode that changes later is logged, and makes no device unhealthy", async () => {
  setup();
  await plugin.start();
  await until(8);
  chmodSync(nodePath("video12"), 0o660);
  const logged = () =>
    plugin.log.entries().filter(({ msg }) => msg.startsWith("Device nodes have lost their mode"));
  await eventually(() => logged().length > 0, "a warning");
  expect(logged()[0]).toMatchObject({ level: "WARN", device_ids: ["video12"], mode: "0666" });
  await Bun.sleep(2500);
  expect(logged()).toHaveLength(1);
  expect(node.kubelet.resources()).toEqual({ capacity: 8, allocatable: 8 });
  chmodSync(nodePath("video12"), 0o666);
  const back = () => plugin.log.saying("Device nodes got their mode and group back");
  await eventually(() => back().length > 0, "its return");
});

test("without a setup all devices are listed as unhealthy", async () => {
  await plugin.start();
  await node.kubelet.until(() => node.kubelet.resources().capacity === 8, patienceMs, "8 devices");
  expect(node.kubelet.resources().allocatable).toBe(0);
});
