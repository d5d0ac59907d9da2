import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedNode } from "../contract/embedded-node.ts";
import { kubeletScenarios } from "../contract/kubelet-scenarios.ts";
import { skipLevel } from "../kubelet/require-level.ts";
import { PluginBinary } from "../support/plugin-binary.ts";

const root = join(import.meta.dir, "../..");
const emulator = "/usr/bin/qemu-aarch64-static";
const libraries = "/usr/aarch64-linux-gnu";
const binary = join(root, "dist/video-device-plugin-linux-arm64");
const program = [emulator, "-L", libraries, binary];

const missing = [emulator, libraries].find((path) => !existsSync(path));
const skip = skipLevel(missing && `there is no ${missing}; run: test/arm64/provision.sh`);

/** The output of the emulated program with `args`. */
function run(args: readonly string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...program, ...args], { cwd: "/", env: {} });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** An emulated start takes seconds. */
const limitMs = 120_000;

describe.skipIf(skip)("the program for arm64, emulated", () => {
  let node: EmbeddedNode;
  let plugin: PluginBinary;

  beforeAll(async () => {
    const { exitCode, stdout, stderr } = Bun.spawnSync(
      [process.execPath, "deploy/build.ts", "--all"],
      {
        cwd: root,
      },
    );
    expect({ exitCode, stderr: stderr.toString() }).toEqual({ exitCode: 0, stderr: "" });
    for (const made of ["linux-x64 ", "linux-arm64 ", "SHA256SUMS"]) {
      expect(stdout.toString()).toContain(made);
    }
    node = new EmbeddedNode();
    plugin = new PluginBinary(node, { program });
    await node.startKubelet();
  }, limitMs);

  afterAll(async () => {
    await plugin.stop("SIGTERM");
    await node.close();
  });

  test("is built for arm64, and reports that", () => {
    expect(run(["version"]).stdout).toContain("linux-arm64");
    const { stdout } = Bun.spawnSync(["sha256sum", "--check", "SHA256SUMS"], {
      cwd: join(root, "dist"),
    });
    expect(stdout.toString()).toBe(
      "video-device-plugin-linux-x64: OK\nvideo-device-plugin-linux-arm64: OK\n",
    );
  });

  test("makes its system calls: doctor reports this process's privileges", () => {
    const { stdout, stderr } = run(["doctor", "--json"]);
    expect(stderr).toBe("");
    const checks: { check: string; state: string; detail: string }[] = JSON.parse(stdout).checks;
    const detail = (name: string) => checks.find(({ check }) => check === name)?.detail;
    expect(detail("kernel")).toContain("arm64");
    expect(detail("privileges")).toContain(process.getuid?.() === 0 ? "root" : "not root");
  });

  for (const scenario of kubeletScenarios) {
    const play = () => scenario.run({ node, plugin, patienceMs: 60_000 });
    test(scenario.name, () => plugin.explaining(play), limitMs);
  }
});
