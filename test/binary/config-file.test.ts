import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EmbeddedKubelet } from "../../src/simulator/kubelet.ts";
import { eventually, patienceMs } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";

const binary = join(import.meta.dir, "../../dist/video-device-plugin");
const head = "apiVersion: video-device-plugin/v1alpha1\nkind: Pools\npools:\n";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vdp-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function poolsFile(pools: string): string {
  const path = join(directory, "pools.yaml");
  writeFileSync(path, head + pools);
  return path;
}

function run(...args: string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([binary, ...args], { env: {}, cwd: "/" });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

test("the compiled program prints a file that it takes, with nothing lost", () => {
  const printed = run("config", "print", "--max-devices=3", "--node-name=node-a").stdout;
  const path = join(directory, "printed.yaml");
  writeFileSync(path, printed);
  expect(run("config", "check", path)).toEqual({
    exitCode: 0,
    stdout:
      "default: meeting-baas.io/video-devices, 3 loopback devices, video10 to video12, on all nodes\n",
    stderr: "",
  });
  expect(run("config", "print", `--config=${path}`, "--node-name=node-a").stdout).toBe(printed);
});

test("the compiled program names what is wrong with a file, and runs nothing", () => {
  const path = poolsFile(
    "- { name: bots, resource: a.b/bots, loopback: { mode: 0660, cuont: 8 } }\n",
  );
  const stateDir = join(directory, "state");
  const expected = `${path}:4:55: pools[0].loopback.mode: got 0660, expected three octal digits with or without a leading 0, such as 0660 or 666; put it in quotes: "0660"
${path}:4:61: pools[0].loopback.cuont: unknown key; did you mean count?
`;
  const checked = run("config", "check", path);
  expect(checked).toMatchObject({ exitCode: 78, stdout: "" });
  expect(checked.stderr).toStartWith(expected);
  const ran = run("run", `--config=${path}`, "--driver=simulated", `--state-dir=${stateDir}`);
  expect(ran).toMatchObject({ exitCode: 78, stdout: "" });
  expect(ran.stderr).toStartWith(expected);
  expect(existsSync(stateDir)).toBe(false);
});

test("the compiled program offers what the file says for its node", async () => {
  const path = poolsFile(`- name: bots
  resource: a.example/bots
  onNodes: ["node-*"]
  loopback: { count: 3, firstNumber: 40 }
- { name: other, resource: a.example/other, onNodes: [edge-*], loopback: {} }
`);
  const kubelet = new EmbeddedKubelet({
    dir: join(directory, "dp"),
    podResourcesDir: join(directory, "pr"),
  });
  await kubelet.start();
  const child = Bun.spawn(
    [
      ...[binary, "run", "--driver=simulated", "--node-name=node-a", `--config=${path}`],
      `--kubelet-socket=${kubelet.socket}`,
      `--pod-resources-socket=${kubelet.podResourcesSocket}`,
      `--simulated-dir=${join(directory, "dev")}`,
      `--admin-socket=${join(directory, "admin.sock")}`,
      `--state-dir=${join(directory, "state")}`,
    ],
    { env: {}, stdin: "ignore", stdout: "pipe", stderr: "ignore" },
  );
  try {
    const isOffered = () => kubelet.resources("a.example/bots").allocatable === 3;
    await kubelet.until(isOffered, patienceMs, "3 allocatable devices");
    expect(Object.keys(kubelet.devices("a.example/bots")).sort()).toEqual([
      ...["video40", "video41", "video42"],
    ]);
    expect(kubelet.resources("a.example/other").allocatable).toBe(0);
    child.kill("SIGTERM");
    const lines = (await new Response(child.stdout).text()).trimEnd().split("\n");
    const pools = lines.map((line) => JSON.parse(line)).filter(({ pool }) => pool !== undefined);
    expect(pools).toMatchObject([
      { msg: "Pool configured", pool: "bots", kind: "loopback", max_devices: 3 },
    ]);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    kubelet.stop({ removeSockets: true });
  }
});

test("the compiled program applies what it can after SIGHUP, and names what a restart would apply", async () => {
  const pools = (count: string, expect = 0) =>
    poolsFile(`- { name: bots, resource: a.example/bots, loopback: { count: ${count} } }
- name: cams
  resource: a.example/cams
  devices: { select: [{ driver: uvcvideo }], expect: ${expect} }
`);
  const path = pools("2");
  const kubelet = new EmbeddedKubelet({
    dir: join(directory, "dp"),
    podResourcesDir: join(directory, "pr"),
  });
  await kubelet.start();
  const port = freePort();
  const child = Bun.spawn(
    [
      ...[binary, "run", "--driver=simulated", "--node-name=node-a", `--config=${path}`],
      `--kubelet-socket=${kubelet.socket}`,
      `--pod-resources-socket=${kubelet.podResourcesSocket}`,
      `--simulated-dir=${join(directory, "dev")}`,
      `--sysfs-dir=${join(directory, "sys")}`,
      `--cdi-dir=${join(directory, "cdi")}`,
      `--admin-socket=${join(directory, "admin.sock")}`,
      `--state-dir=${join(directory, "state")}`,
      ...["--enable-metrics", `--metrics-port=${port}`],
    ],
    { env: {}, stdin: "ignore", stdout: "pipe", stderr: "ignore" },
  );
  const shows = (metric: string) =>
    eventually(async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
      return (await answer?.text())?.includes(`\nvideo_device_plugin_${metric}\n`) ?? false;
    }, metric);
  try {
    await shows("config_file_needs_restart 0");
    pools("3", 4);
    child.kill("SIGHUP");
    await shows('expected_devices{resource="a.example/cams"} 4');
    await shows("config_file_needs_restart 1");
    pools("0");
    child.kill("SIGHUP");
    await shows("config_file_mistakes 1");
    const isOffered = () => kubelet.resources("a.example/bots").allocatable === 2;
    await kubelet.until(isOffered, patienceMs, "2 allocatable devices");
    child.kill("SIGTERM");
    const lines = (await new Response(child.stdout).text()).trimEnd().split("\n");
    const about = lines
      .map((line) => JSON.parse(line))
      .filter(({ msg }) => /^Config file/.test(msg));
    expect(about).toMatchObject([
      { msg: "Config file's changes applied", level: "INFO", changes: ["cams: devices.expect"] },
      { msg: "Config file changed", level: "WARN", changes: ["bots: loopback.count"] },
      { msg: "Config file has mistakes", level: "ERROR" },
    ]);
    expect(await child.exited).toBe(0);
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    kubelet.stop({ removeSockets: true });
  }
});
