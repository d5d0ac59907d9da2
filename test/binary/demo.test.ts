import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { eventually } from "../support/eventually.ts";
import { inTerminal } from "../support/pseudo-terminal.ts";

const binary = join(import.meta.dir, "../../dist/video-device-plugin");

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vdp-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const leftFiles = () => readdirSync(directory).filter((name) => name.startsWith("vdp-demo"));

/** Process ID of the plugin that the demo has started, once there is one. */
async function pluginOf(pid: number): Promise<number> {
  const children = `/proc/${pid}/task/${pid}/children`;
  let child = "";
  await eventually(() => {
    child = readFileSync(children, "utf8").trim();
    return child !== "";
  }, "the demo's plugin");
  return Number(child);
}

/** True while the process runs; one that has ended and that no process waits for is a zombie. */
function runs(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

describe("the demo", () => {
  test("plays to its end in 80 columns, goes on with --keep, and a Ctrl-C that comes twice ends it in order", async () => {
    const demo = inTerminal([binary, "demo", "--keep"], { TMPDIR: directory });
    // The whole story: some 13 s where nothing else runs.
    await demo.says("delete one", 100_000);
    const shown = stripVTControlCharacters(demo.output()).replaceAll("\r", "");
    const [, url = ""] = /in a browser +(\S+)/.exec(shown) ?? [];
    const page = await (await fetch(url)).text();
    const [, cwd = ""] = /its files +cd (\S+)/.exec(shown) ?? [];
    const [, command = ""] = /ask the plugin +(.+?\\\n.+)/.exec(shown) ?? [];
    const status = Bun.spawnSync(["sh", "-c", `cd ${cwd}; ${command}`], {
      env: {},
    }).stdout.toString();
    // From the terminal, and forwarded by npx.
    demo.type("\x03");
    demo.kill("SIGINT");
    expect(await demo.exited).toBe(0);
    expect(page).toContain("<title>demo-node: 8 of 8 devices healthy");
    expect(status).toStartWith("✓ demo-node: 8 of 8 devices healthy");
    const output = stripVTControlCharacters(demo.output()).replaceAll("\r", "");
    expect(output).toContain("Every step happened");
    expect(output).toMatch(/a webcam is plugged in: 1 of 1 .+ it is unplugged: 0 of 1 /s);
    expect(output).toContain("the same link gives it /dev/video4");
    expect(output).not.toContain("✗");
    // A path of this checkout may be of any length.
    const lines = output.split("\n").filter((line) => !line.includes(binary));
    expect(lines.filter((line) => Bun.stringWidth(line) > 80)).toEqual([]);
    expect(leftFiles()).toEqual([]);
  }, 120_000);

  test("fails when a step doesn't happen", async () => {
    const demo = inTerminal([binary, "demo"], { TMPDIR: directory });
    process.kill(await pluginOf(demo.pid), "SIGKILL");
    expect(await demo.exited).toBe(1);
    // The first step, unless the kill comes late.
    expect(demo.output()).toMatch(/✗.* (waited 15 s for|pod \w+ is Failed)/);
    expect(demo.output()).not.toContain("Every step happened");
  }, 60_000);

  test("leaves no process and no file behind when its terminal is closed", async () => {
    const demo = inTerminal([binary, "demo"], { TMPDIR: directory });
    const plugin = await pluginOf(demo.pid);
    await demo.says("Two pods");
    demo.close();
    await demo.exited;
    expect(runs(plugin)).toBe(false);
    expect(leftFiles()).toEqual([]);
  }, 60_000);

  test("takes its plugin with it when it is killed", async () => {
    const demo = inTerminal([binary, "demo"], { TMPDIR: directory });
    const plugin = await pluginOf(demo.pid);
    await demo.says("Two pods");
    expect(runs(plugin)).toBe(true);
    demo.kill("SIGKILL");
    await demo.exited;
    await eventually(() => !runs(plugin), "the end of the demo's plugin");
  }, 60_000);
});
