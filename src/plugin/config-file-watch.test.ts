import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeCameras } from "../../test/support/fake-cameras.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { loadConfig } from "../config/load-config.ts";
import type { PoolConfig } from "../config/pool-config.ts";
import { systemSources } from "../config/system-sources.ts";
import { applyLive } from "./apply-live.ts";
import { ConfigFileWatch } from "./config-file-watch.ts";

/** Until the next reading. */
const aWhileMs = 5000;

let directory: string;
let path: string;
const stop = new AbortController();
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vdp-config-"));
  path = join(directory, "pools.yaml");
});
afterEach(() => rmSync(directory, { recursive: true }));

const webcams = (fields: string) => `apiVersion: video-device-plugin/v1alpha1
kind: Pools
pools: [{ name: cams, resource: a.b/cams, devices: { select: [{ driver: uvcvideo }], ${fields} } }]
`;

const file = (count: string) => `apiVersion: video-device-plugin/v1alpha1
kind: Pools
pools: [{ name: bots, resource: a.b/bots, loopback: { count: ${count} } }]
`;

/** A watch over `path`, which has the text that the plugin started with. */
function start() {
  const load = () => loadConfig({ ...systemSources([`--config=${path}`]), env: {} });
  const loaded = load();
  if (!loaded.ok) throw new Error("the file of the start has mistakes");
  const log = recordingLogger();
  const clock = new ManualClock();
  let loads = 0;
  const counted = () => {
    loads += 1;
    return load();
  };
  const watch = new ConfigFileWatch(path, loaded.pools, { load: counted, log, clock });
  void watch.run(stop.signal);
  const messages = () => log.lines.map(({ level, msg }) => `${level}: ${msg}`);
  return { watch, clock, log, messages, loads: () => loads };
}

test("a change is named once, with what a restart applies, and so is its end", async () => {
  writeFileSync(path, file("2"));
  const { watch, clock, log, messages } = start();
  writeFileSync(path, file("3"));
  await clock.advance(aWhileMs);
  expect(messages()).toEqual([]);
  for (let times = 0; times < 3; times++) await clock.advance(aWhileMs);
  expect(log.lines).toEqual([
    {
      level: "warn",
      msg: "Config file changed",
      fields: {
        path,
        changes: ["bots: loopback.count"],
        next: "the plugin goes on with the configuration that it has",
        remedy: "Restart the plugin to apply the changes.",
      },
    },
  ]);
  expect(watch.state).toEqual({ problems: 0, needsRestart: true });

  writeFileSync(path, `# as it was\n${file("2")}`);
  watch.checkNow();
  expect(messages().slice(1)).toEqual(["info: Config file says what the plugin does"]);
  expect(watch.state).toEqual({ problems: 0, needsRestart: false });
});

test("what a plugin that runs can change is applied, and the rest needs a restart", () => {
  writeFileSync(path, webcams("expect: 1"));
  const log = recordingLogger();
  const load = () => loadConfig({ ...systemSources([`--config=${path}`]), env: {} });
  const loaded = load();
  if (!loaded.ok) throw new Error("the file of the start has mistakes");
  const node = new FakeCameras();
  const { driver } = node.start();
  const pools = loaded.pools.map((config) => ({ config, driver }));
  const apply = (next: readonly PoolConfig[]) => applyLive(pools, next);
  const deps = { load, apply, log, clock: new ManualClock() };
  const watch = new ConfigFileWatch(path, loaded.pools, deps);

  writeFileSync(path, webcams("expect: 2, signal: required, clean: none"));
  watch.checkNow();
  expect(driver.expected).toBe(2);
  const applied = ["cams: devices.expect", "cams: devices.signal"];
  expect(log.lines).toMatchObject([
    { level: "info", msg: "Config file's changes applied", fields: { path, changes: applied } },
    { level: "warn", msg: "Config file changed", fields: { changes: ["cams: devices.clean"] } },
  ]);
  expect(watch.state.needsRestart).toBe(true);

  writeFileSync(path, webcams("expect: 3, signal: required"));
  watch.checkNow();
  expect(driver.expected).toBe(3);
  expect(log.lines.slice(2)).toMatchObject([
    { msg: "Config file's changes applied", fields: { changes: ["cams: devices.expect"] } },
    { msg: "Config file says what the plugin does" },
  ]);
  expect(watch.state.needsRestart).toBe(false);
  node.close();
});

test("a file with mistakes changes nothing, and its mistakes are one line of the log", async () => {
  writeFileSync(path, file("2"));
  const { watch, clock, log } = start();
  writeFileSync(path, file("0, cuont: 3"));
  for (let times = 0; times < 3; times++) await clock.advance(aWhileMs);
  expect(log.lines).toMatchObject([{ level: "error", msg: "Config file has mistakes" }]);
  const { problems } = log.lines[0]?.fields ?? {};
  expect(problems).toEqual([
    expect.stringContaining(`${path}:3:62: pools[0].loopback.count: got 0`),
    `${path}:3:65: pools[0].loopback.cuont: unknown key; did you mean count?`,
  ]);
  expect(watch.state).toEqual({ problems: 2, needsRestart: false });
  rmSync(path);
  watch.checkNow();
  expect(log.lines[1]).toMatchObject({ msg: "Config file has mistakes" });
  expect(watch.state.problems).toBe(1);
});

test("a text that an editor is still writing is no mistake, unless SIGHUP asks for it", async () => {
  writeFileSync(path, file("2"));
  const { clock, messages, watch, loads } = start();
  writeFileSync(path, "apiVersion:");
  await clock.advance(aWhileMs);
  writeFileSync(path, file("2"));
  for (let times = 0; times < 3; times++) await clock.advance(aWhileMs);
  expect(messages()).toEqual([]);
  // At the start: the file may have changed since it was read.
  expect(loads()).toBe(1);
  writeFileSync(path, "apiVersion:");
  watch.checkNow();
  expect(messages()).toEqual(["error: Config file has mistakes"]);
});

test("the file of a ConfigMap, a link that the kubelet moves, is noticed", async () => {
  const version = (name: string, text: string) => {
    mkdirSync(join(directory, name));
    writeFileSync(join(directory, name, "pools.yaml"), text);
    symlinkSync(name, join(directory, "..data_tmp"));
    renameSync(join(directory, "..data_tmp"), join(directory, "..data"));
  };
  version("..2026_1", file("2"));
  symlinkSync("..data/pools.yaml", path);
  const { clock, messages } = start();
  version("..2026_2", file("8"));
  rmSync(join(directory, "..2026_1"), { recursive: true });
  for (let times = 0; times < 2; times++) await clock.advance(aWhileMs);
  expect(messages()).toEqual(["warn: Config file changed"]);
});

test("a pipe is not watched: its text comes once", () => {
  const deps = {
    load: () => loadConfig(systemSources([])),
    log: recordingLogger(),
    clock: new ManualClock(),
  };
  expect(ConfigFileWatch.of("/dev/null", [], deps)).toBeUndefined();
  expect(ConfigFileWatch.of("", [], deps)).toBeUndefined();
  writeFileSync(path, file("2"));
  expect(ConfigFileWatch.of(path, [], deps)).toBeInstanceOf(ConfigFileWatch);
});
