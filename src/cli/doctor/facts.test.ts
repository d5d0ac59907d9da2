import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type ServerHttp2Stream } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeLoopbackKernel } from "../../../test/support/fake-loopback-kernel.ts";
import { loadConfig } from "../../config/load-config.ts";
import { examinePodResources } from "./examine-kubelet.ts";
import { gatherFacts } from "./facts.ts";

let kernel: FakeLoopbackKernel;
beforeEach(() => {
  kernel = new FakeLoopbackKernel();
});
afterEach(() => kernel.close());

function gather(...argv: string[]) {
  const { sysfsDir, deviceDir, modulesDir } = kernel;
  const places = { "sysfs-dir": sysfsDir, "device-dir": deviceDir, "modules-dir": modulesDir };
  const flags = Object.entries(places).map(([flag, value]) => `--${flag}=${value}`);
  const loaded = loadConfig({
    ...{ argv: ["--max-devices=2", ...flags, ...argv], env: {}, hostname: "node" },
    ...{ readFile: () => "", lookupGroup: () => undefined },
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return gatherFacts(loaded.config, kernel);
}

const states = async () => (await gather()).range.map(({ observation }) => observation.reason);
const attribute = (name: string) => join(kernel.sysfsDir, "class/video4linux/video10", name);

test("a device that an interrupted run left locked is seen as faulty", async () => {
  kernel.preload("devices=2 video_nr=10,11");
  expect(await states()).toEqual(["ok", "ok"]);
  writeFileSync(attribute("max_openers"), "0\n");
  expect(await states()).toEqual(["faulty", "ok"]);
});

test("a writer's mark without a writer is seen as stuck", async () => {
  kernel.preload("devices=2 video_nr=10,11");
  writeFileSync(attribute("state"), "capture\n");
  expect(await states()).toEqual(["stuck_writer", "ok"]);
  // Now a process has a device open, and only a write to /sys would show which.
  const close = kernel.hold(11);
  expect(await states()).toEqual(["ok", "ok"]);
  expect(kernel.inside(10).maxOpeners).toBe(10);
  close();
});

test("a device that got another number than the module was loaded for is seen as that", async () => {
  kernel.close();
  kernel = new FakeLoopbackKernel({ version: "0.12.7" });
  kernel.addForeign(10, "USB Camera");
  kernel.preload("devices=2 video_nr=10,11");
  kernel.unplug(10);
  expect(await states()).toEqual(["wrong_number", "ok"]);
});

test("a control node is found to open, or not, or not to be there", async () => {
  kernel.preload("devices=0");
  const control = async () => (await gather()).loaded;
  expect(await control()).toMatchObject({ controlOpens: true });
  kernel.controlForbidden = true;
  expect(await control()).toMatchObject({
    controlNode: { kind: "character_device" },
    controlOpens: false,
  });
  rmSync(join(kernel.deviceDir, "v4l2loopback"));
  expect(await control()).toMatchObject({ controlNode: { kind: "absent" }, controlOpens: false });
});

test("a kubelet's directory below one that this user may not enter is forbidden, and no error", () => {
  const directory = mkdtempSync(join(tmpdir(), "vdp-"));
  try {
    chmodSync(directory, 0o700);
    const socket = join(directory, "device-plugins/kubelet.sock");
    const program = `
      const { loadConfig } = await import(${JSON.stringify(join(import.meta.dir, "../../config/load-config.ts"))});
      const { gatherFacts } = await import(${JSON.stringify(join(import.meta.dir, "facts.ts"))});
      const lookups = { readFile: () => "", lookupGroup: () => undefined };
      // A user without any privilege, once all is loaded.
      if (process.getuid() === 0) process.setuid(65534);
      const { config } = loadConfig({ argv: ["--kubelet-socket=${socket}"], env: {}, hostname: "node", ...lookups });
      const { kubelet, podResources } = await gatherFacts(config);
      console.log(JSON.stringify({ state: kubelet.state, podResources }));`;
    if (process.getuid?.() !== 0) chmodSync(directory, 0);
    const { stdout, stderr } = Bun.spawnSync([process.execPath, "-e", program]);
    expect(stderr.toString()).toBe("");
    const { state, podResources } = JSON.parse(stdout.toString());
    expect(state).toBe("forbidden");
    expect(podResources).toMatch(/^user \d+ may not use it$/);
  } finally {
    chmodSync(directory, 0o700);
    rmSync(directory, { recursive: true });
  }
});

test("a /sys that can be written to is not one that is read-only", async () => {
  expect((await gather()).sysReadOnly).toBe(false);
});

test("an answer of pod-resources that is too large has a remedy of its own", async () => {
  const directory = mkdtempSync(join(tmpdir(), "vdp-doctor-"));
  const socket = join(directory, "kubelet.sock");
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => undefined);
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(65 * 1024 * 1024, 1);
    stream.write(prefix);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  try {
    const facts = await gather(`--pod-resources-socket=${socket}`);
    expect(facts.podResources).toContain("64 MiB");
    expect(examinePodResources(facts).remedy).toContain("kubectl get node");
  } finally {
    server.close();
    rmSync(directory, { recursive: true });
  }
});
