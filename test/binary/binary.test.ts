import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { EmbeddedKubelet } from "../../src/simulator/kubelet.ts";
import { bestOf } from "../support/best-of.ts";
import { eventually, patienceMs } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { inTerminal } from "../support/pseudo-terminal.ts";

const binary = join(import.meta.dir, "../../dist/video-device-plugin");

let directory: string;
let kubelet: EmbeddedKubelet;
const running: { kill(signal: "SIGKILL"): void; exited: Promise<number> }[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vdp-"));
  kubelet = new EmbeddedKubelet({
    dir: join(directory, "dp"),
    podResourcesDir: join(directory, "pr"),
  });
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
  kubelet.stop({ removeSockets: true });
  rmSync(directory, { recursive: true, force: true });
});

interface SpawnOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly prefix?: string[];
}

/** The simulated driver on the embedded kubelet's sockets, then `args`. */
function argumentsFor(args: string[]): string[] {
  return [
    "--driver=simulated",
    "--node-name=node-a",
    `--kubelet-socket=${kubelet.socket}`,
    `--pod-resources-socket=${kubelet.podResourcesSocket}`,
    `--socket-path=${join(directory, "dp", "video-device-plugin.sock")}`,
    `--simulated-dir=${join(directory, "dev")}`,
    `--admin-socket=${join(directory, "admin.sock")}`,
    `--state-dir=${join(directory, "state")}`,
    ...args,
  ];
}

/** A process's output so far. */
function heard(output: ReadableStream<Uint8Array>) {
  let text = "";
  const decoder = new TextDecoder();
  const whole = (async () => {
    for await (const chunk of output) text += decoder.decode(chunk, { stream: true });
    return text;
  })();
  /** Waits until the output has the text `times` times. */
  const says = (what: string, times = 1) =>
    eventually(() => text.split(what).length > times, `"${what}", ${times} times`);
  return { whole, says };
}

/** The compiled program with {@link argumentsFor}. */
function start(args: string[] = [], { env = {}, cwd = "/", prefix = [] }: SpawnOptions = {}) {
  const child = Bun.spawn([...prefix, binary, ...argumentsFor(args)], {
    env,
    cwd,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  running.push(child);
  const { whole, says } = heard(child.stdout);
  return {
    child,
    stdout: whole,
    says,
    stderr: new Response(child.stderr).text(),
  };
}

async function registered(): Promise<void> {
  const isComplete = () => kubelet.resources().allocatable === 8;
  await kubelet.until(isComplete, patienceMs, "8 allocatable devices");
}

/** The child of a process. */
async function childOf(pid: number): Promise<number> {
  return Number(await Bun.file(`/proc/${pid}/task/${pid}/children`).text());
}

function run(args: string[], { env = {}, cwd = "/" }: SpawnOptions = {}) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([binary, ...args], { env, cwd });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** Variables by which HTTP clients and gRPC find a proxy, at an address that refuses every connection. */
function deadProxies(): Record<string, string> {
  const names = ["http_proxy", "https_proxy", "grpc_proxy", "all_proxy"];
  const address = `http://127.0.0.1:${freePort()}`;
  return Object.fromEntries(
    names.flatMap((name) => [
      [name, address],
      [name.toUpperCase(), address],
    ]),
  );
}

describe("the compiled program", () => {
  test("prints its version", () => {
    expect(run(["version"])).toEqual({
      exitCode: 0,
      stdout: `video-device-plugin ${manifest.version} (bun 1.4.5, linux-${process.arch})\n`,
      stderr: "",
    });
  });

  test("reports all invalid options at once, changes no file and ends with 78", () => {
    expect(run(["--max-devices=0", "--log-level=loud", "--sockt-path=x"])).toEqual({
      exitCode: 78,
      stdout: "",
      stderr: `--max-devices: got "0" (from the command line), expected a whole number from 1 to 246
--log-level: got "loud" (from the command line), expected one of debug, info, warn, error
--sockt-path: unknown option; did you mean --socket-path?
See "video-device-plugin run --help".
`,
    });
  });

  test("reads options from the environment and a file, and flags override both", async () => {
    const file = join(directory, "plugin.env");
    writeFileSync(file, "MAX_DEVICES=2\nFIRST_DEVICE_NUMBER=40\nRESOURCE_NAME=a.example/b\n");
    await kubelet.start();
    start([`--env-file=${file}`, "--first-device-number=50"], { env: { MAX_DEVICES: "3" } });
    await kubelet.until(() => kubelet.resources("a.example/b").allocatable === 3, patienceMs, "3");
    expect(Object.keys(kubelet.devices("a.example/b")).sort()).toEqual([
      "video50",
      "video51",
      "video52",
    ]);
  });

  test("serves a kubelet, and on SIGTERM removes its socket and ends with 0", async () => {
    await kubelet.start();
    const { child, stdout, stderr } = start(["--log-level=debug"]);
    await registered();
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    expect(readdirSync(join(directory, "dp")).sort()).toEqual([
      "kubelet.sock",
      "kubelet_internal_checkpoint",
    ]);
    expect(existsSync(join(directory, "dev", "video10"))).toBe(true);
    const lines = (await stdout).trimEnd().split("\n");
    for (const line of lines) {
      const entry = JSON.parse(line);
      expect(Object.keys(entry).slice(0, 3)).toEqual(["time", "level", "msg"]);
    }
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ level: "INFO", msg: "Stopped" });
    expect(await stderr).toBe("");
  });

  test("asks no proxy of its environment for the kubelet, for its admin socket or for a probe", async () => {
    await kubelet.start();
    const env = deadProxies();
    start([], { env });
    await registered();
    const pod = await kubelet.addPod({ name: "one", containers: [{ name: "app", devices: 1 }] });
    expect(pod.phase).toBe("Running");
    const admin = [`--admin-socket=${join(directory, "admin.sock")}`];
    expect(run(["probe", "ready", ...admin], { env })).toEqual({
      ...{ exitCode: 0, stdout: "", stderr: "" },
    });
    // The owner comes from the kubelet's pod-resources API.
    await eventually(
      () => run(["status", ...admin], { env }).stdout.includes("default/one"),
      "the owner in the status",
    );
  });

  test("stops within a second of SIGTERM", async () => {
    await kubelet.start();
    const stop = async () => {
      const { child } = start();
      await registered();
      const asked = performance.now();
      child.kill("SIGTERM");
      expect(await child.exited).toBe(0);
      const took = performance.now() - asked;
      await kubelet.until(() => kubelet.resources().allocatable === 0, patienceMs, "the loss");
      return took;
    };
    expect(await bestOf(1000, stop)).toBeLessThan(1000);
  });

  test("stops while it waits for a kubelet", async () => {
    const { child, says } = start();
    await says("Waiting for the kubelet");
    child.kill("SIGINT");
    expect(await child.exited).toBe(0);
  });

  describe("while it waits for a kubelet that doesn't answer List", () => {
    let silent: Server;
    beforeEach(() => {
      mkdirSync(join(directory, "pr"));
      silent = createServer(() => undefined).listen(kubelet.podResourcesSocket);
    });
    afterEach(() => {
      silent.close();
    });

    /** The program, at the moment of its call. */
    async function startAndAsk() {
      const asked = once(silent, "connection");
      const program = start();
      await asked;
      return program;
    }

    test("stops on SIGTERM, and has created no device", async () => {
      const { child, stdout } = await startAndAsk();
      child.kill("SIGTERM");
      expect(await child.exited).toBe(0);
      const said = (await stdout).trimEnd().split("\n");
      expect(said.map((line) => JSON.parse(line).msg)).toEqual(["Starting", "Stopping", "Stopped"]);
      expect(existsSync(join(directory, "dev"))).toBe(false);
    });

    test("keeps running after a SIGHUP", async () => {
      const { child } = await startAndAsk();
      child.kill("SIGHUP");
      expect(await Promise.race([child.exited, Bun.sleep(300)])).toBeUndefined();
      child.kill("SIGTERM");
      expect(await child.exited).toBe(0);
    });
  });

  test("logs its configuration once, with the origin of each value and of the node's name", async () => {
    const args = ["--driver=simulated", `--simulated-dir=${join(directory, "dev")}`];
    const paths = [
      `--admin-socket=${join(directory, "admin.sock")}`,
      `--state-dir=${join(directory, "state")}`,
      `--kubelet-socket=${kubelet.socket}`,
      `--socket-path=${join(directory, "dp", "video-device-plugin.sock")}`,
    ];
    const child = Bun.spawn([binary, ...args, ...paths, "--log-level=debug"], {
      env: { MAX_DEVICES: "3" },
      stdout: "pipe",
    });
    running.push(child);
    const { whole, says } = heard(child.stdout);
    await says("NODE_NAME is not set");
    child.kill("SIGTERM");
    const lines = (await whole).trimEnd().split("\n");
    const saying = (msg: string) =>
      lines.map((line) => JSON.parse(line)).filter((line) => line.msg === msg);
    expect(saying("Starting")).toMatchObject([
      { level: "INFO", max_devices: 3, driver: "simulated", first_device_number: 10 },
    ]);
    const [origins] = saying("Where each option comes from");
    expect(origins).toMatchObject({ level: "DEBUG" });
    expect(JSON.stringify(origins.max_devices)).toContain("MAX_DEVICES");
    expect(saying("NODE_NAME is not set, the host's name is used")).toMatchObject([
      { node_name: hostname().toLowerCase() },
    ]);
  });

  test("keeps serving when its log can't be written", async () => {
    await kubelet.start();
    start([], { prefix: ["sh", "-c", 'exec "$@" > /dev/full', "sh"] });
    await registered();
  });

  test("creates only files that other users can't open, with any umask", async () => {
    await kubelet.start();
    const { child } = start([], { prefix: ["sh", "-c", 'umask 0; exec "$@"', "sh"] });
    await registered();
    const status = await Bun.file(`/proc/${child.pid}/status`).text();
    expect(status).toContain("Umask:\t0077\n");
    const [socket] = readdirSync(join(directory, "dp")).filter((name) => name.startsWith("video"));
    expect(statSync(join(directory, "dp", socket ?? "")).mode & 0o777).toBe(0o600);
  });

  test("ends at once on a second signal", async () => {
    await kubelet.start();
    const { child, stdout } = start();
    await registered();
    // Paused meanwhile, so that both signals are pending when it continues: an orderly stop is quick. They
    // differ, since the kernel merges a second SIGTERM into the first.
    child.kill("SIGSTOP");
    child.kill("SIGTERM");
    child.kill("SIGINT");
    child.kill("SIGCONT");
    expect([130, 143]).toContain(await child.exited);
    expect(await stdout).toContain("Second signal, stopping at once");
  });

  test("inspects everything again on SIGHUP", async () => {
    await kubelet.start();
    const { child, says } = start();
    await registered();
    rmSync(join(directory, "dev", "video12"));
    child.kill("SIGHUP");
    await says("Inspecting everything again");
    await eventually(() => existsSync(join(directory, "dev", "video12")), "the device's return");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });

  test("logs at debug level from one SIGUSR2 to the next", async () => {
    await kubelet.start();
    const { child, stdout, says } = start(["--log-format=json"]);
    await registered();
    child.kill("SIGUSR2");
    await says("Log level changed");
    // Each sent list is logged at debug level.
    rmSync(join(directory, "dev", "video12"));
    child.kill("SIGHUP");
    await says('"level":"DEBUG"');
    child.kill("SIGUSR2");
    await says("Log level changed", 2);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    const lines = (await stdout).trim().split("\n");
    const entries = lines.map((line): Record<string, unknown> => JSON.parse(line));
    const changes = entries.filter(({ msg }) => msg === "Log level changed");
    expect(changes).toMatchObject([
      { was: "info", by: "SIGUSR2" },
      { was: "debug", by: "SIGUSR2" },
    ]);
    const [up = {}, down = {}] = changes;
    const debugLines = entries.flatMap(({ level }, at) => (level === "DEBUG" ? [at] : []));
    expect(debugLines.length).toBeGreaterThan(0);
    for (const at of debugLines) {
      expect(at).toBeGreaterThan(entries.indexOf(up));
      expect(at).toBeLessThan(entries.indexOf(down));
    }
  });

  test("serves its admin API to curl", async () => {
    start();
    await kubelet.start();
    await registered();
    const answer = await fetch("http://localhost/videodevice.admin.v1.AdminService/CordonDevice", {
      unix: join(directory, "admin.sock"),
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"deviceId": "video12", "note": "dark"}',
    });
    expect(await answer.json()).toMatchObject({ device: { reason: "cordoned" } });
    await kubelet.until(() => kubelet.resources().allocatable === 7, patienceMs, "7 devices");
    expect(existsSync(join(directory, "state", "cordoned.json"))).toBe(true);
  });

  test("registers again after SIGKILL, and removes the dead instance's socket", async () => {
    await kubelet.start();
    const { child } = start();
    await registered();
    await kubelet.addPod({ name: "a", containers: [{ name: "c", devices: 2 }] });
    child.kill("SIGKILL");
    await kubelet.until(() => kubelet.resources().allocatable === 0, patienceMs, "the loss");
    expect(kubelet.resources().capacity).toBe(8);
    start();
    await registered();
    const sockets = readdirSync(join(directory, "dp")).filter((name) => name.startsWith("video"));
    expect(sockets).toHaveLength(1);
    expect(kubelet.pod("a")?.phase).toBe("Running");
  });

  test("registers, and again with the next kubelet, where no inotify instance is left", async () => {
    // A user namespace's own limit of the same kind as fs.inotify.max_user_instances.
    const none = 'echo 0 >/proc/sys/user/max_inotify_instances || exit 77; exec "$@"';
    const prefix = ["unshare", "--user", "--map-root-user", "sh", "-c", none, "sh"];
    if (Bun.spawnSync([...prefix, "true"]).exitCode !== 0) {
      console.log("skipped: no user namespace can be made here");
      return;
    }
    await kubelet.start();
    start([], { prefix });
    await registered();
    await kubelet.restart();
    await registered();
  });

  test("executes no file of its working directory", async () => {
    const hostile = join(directory, "hostile");
    await Bun.write(join(hostile, "evil.ts"), 'await Bun.write("pwned", "1"); process.exit(66);');
    await Bun.write(join(hostile, "bunfig.toml"), 'preload = ["./evil.ts"]');
    await Bun.write(join(hostile, ".env"), "MAX_DEVICES=0\nLOG_LEVEL=loud\n");
    expect(run(["version"], { cwd: hostile }).exitCode).toBe(0);
    const bad = run(["--max-devices=999"], { cwd: hostile });
    expect(bad.stderr).toStartWith('--max-devices: got "999" (from the command line)');
    expect(bad.stderr).not.toContain("loud");
    run(["version"], { cwd: hostile, env: { BUN_OPTIONS: "--preload ./evil.ts" } });
    expect(existsSync(join(hostile, "pwned"))).toBe(false);
  });

  test("serves metrics and readiness over HTTP with ENABLE_METRICS", async () => {
    const port = freePort();
    start(["--enable-metrics", "--metrics-address=127.0.0.1", `--metrics-port=${port}`]);
    const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
    const answers = () =>
      get("/healthz").then(
        () => true,
        () => false,
      );
    await eventually(answers, "an answer");
    expect((await get("/healthz")).status).toBe(200);
    expect((await get("/readyz")).status).toBe(503);
    await kubelet.start();
    await registered();
    expect((await get("/readyz")).status).toBe(200);
    await kubelet.addPod({ name: "a", containers: [{ name: "c", devices: 2 }] });
    expect(await (await get("/metrics")).text()).toContain(
      "video_device_plugin_allocated_devices_total 2",
    );
  });

  test("keeps serving when the metrics port is in use", async () => {
    const taken = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      reusePort: false,
      fetch: () => new Response(),
    });
    await kubelet.start();
    const { child, stdout, says } = start([
      "--enable-metrics",
      "--metrics-address=127.0.0.1",
      `--metrics-port=${taken.port}`,
    ]);
    await registered();
    await says("metrics_port_unusable");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    await taken.stop(true);
    const log = await stdout;
    expect(log.split("metrics_port_unusable")).toHaveLength(2);
    expect(log).not.toContain('"level":"ERROR"');
  });

  test("logs pretty lines on a terminal, and stops in order when that is closed", async () => {
    await kubelet.start();
    const plugin = inTerminal([binary, ...argumentsFor([])]);
    running.push(plugin);
    await registered();
    await plugin.says("Registered");
    plugin.kill("SIGHUP");
    await plugin.says("Inspecting everything again");
    plugin.close();
    expect(await plugin.exited).toBe(0);
    await eventually(() => kubelet.resources().allocatable === 0, "no allocatable device");
    expect(plugin.output()).toMatch(/INFO .*Starting/);
    expect(plugin.output()).not.toContain('{"time"');
    const left = readdirSync(join(directory, "dp")).filter((name) => name.startsWith("video"));
    expect(left).toEqual([]);
  });

  test.skipIf(process.getuid?.() !== 0)("stops on SIGTERM as a container's process 1", async () => {
    await kubelet.start();
    const { child } = start([], { prefix: ["unshare", "--pid", "--fork", "--kill-child"] });
    await registered();
    process.kill(await childOf(child.pid), "SIGTERM");
    expect(await child.exited).toBe(0);
  });
});

test("a crash is logged as a JSON line, and ends the process", () => {
  const script = `
    const { createLogger } = await import("./src/observe/log.ts");
    const { onCrash } = await import("./src/cli/run.ts");
    onCrash(createLogger({ level: "info", format: "json", write: (text) => process.stdout.write(text) }));
    setTimeout(() => { throw new TypeError("out of film"); });
    setTimeout(() => console.log("still here"), 100);`;
  const { exitCode, stdout } = Bun.spawnSync([process.execPath, "-e", script], {
    cwd: join(import.meta.dir, "../.."),
  });
  expect(exitCode).toBe(1);
  const entry = JSON.parse(stdout.toString());
  expect(entry).toMatchObject({ level: "ERROR", msg: "Crashed", error: "out of film" });
  expect(entry.stack).toContain("TypeError: out of film");
});
