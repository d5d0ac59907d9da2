import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { NfdFeatures, type NodeFeatures, renderFeatures } from "./nfd-features.ts";

const loopback: NodeFeatures = {
  resourceName: "example.com/cameras",
  driver: "v4l2loopback",
  devices: 8,
  moduleVersion: "0.15.4",
  dynamic: true,
  readyCameras: false,
};
const when = new Date("2030-07-29T11:22:33.444Z");

describe("the features' file", () => {
  test("has a line for each label, and says when they expire", () => {
    expect(renderFeatures([loopback], when)).toBe(
      [
        "# +expiry-time=2030-07-29T11:22:33Z",
        "example.com/cameras.count=8",
        "example.com/cameras.driver=v4l2loopback",
        "example.com/cameras.dynamic=true",
        "example.com/cameras.ready-cameras=false",
        "example.com/cameras.module-version=0.15.4",
        "",
      ].join("\n"),
    );
  });

  test("has the labels of each pool under its resource name", () => {
    const webcams = { ...loopback, resourceName: "example.com/webcams", devices: 2 };
    const lines = renderFeatures([loopback, webcams], when).split("\n");
    expect(lines.filter((line) => line.includes(".count="))).toEqual([
      "example.com/cameras.count=8",
      "example.com/webcams.count=2",
    ]);
    expect(lines.filter((line) => line.startsWith("#"))).toHaveLength(1);
  });

  test("has no label for an unknown version", () => {
    const text = renderFeatures([{ ...loopback, moduleVersion: undefined }], when);
    expect(text).not.toContain("module-version");
  });

  test("has valid label values, whatever the module's version is", () => {
    const moduleVersion = `-0.15.4 (build 7)\nkubernetes.io/evil=1${"x".repeat(80)}`;
    const [, , , , , line = "", ...rest] = renderFeatures(
      [{ ...loopback, moduleVersion }],
      when,
    ).split("\n");
    expect(rest).toEqual([""]);
    expect(line).toMatch(
      /^example.com\/cameras.module-version=0\.15\.4_build_7_kubernetes\.io_evil_1x+$/,
    );
    expect(line.split("=")[1]?.length).toBeLessThanOrEqual(63);
  });
});

describe("the features' writer", () => {
  let parent: string;
  let directory: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), "vdp-nfd-"));
    directory = join(parent, "features.d");
    mkdirSync(directory);
  });
  afterEach(() => rmSync(parent, { recursive: true, force: true }));

  function setUp() {
    const log = recordingLogger();
    const clock = new ManualClock();
    const state = { features: loopback };
    const nfd = new NfdFeatures({ directory, features: () => [state.features], clock, log });
    const path = join(directory, "video-device-plugin");
    return { nfd, log, clock, state, path, read: () => readFileSync(path, "utf8") };
  }

  test("leaves one file that every user can read, whatever the umask", () => {
    const before = process.umask(0o077);
    const { nfd, path, read } = setUp();
    nfd.round();
    process.umask(before);
    expect(readdirSync(directory)).toEqual(["video-device-plugin"]);
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(read()).toContain("example.com/cameras.count=8\n");
    const expires = Date.parse(read().match(/expiry-time=(.*)/)?.[1] ?? "");
    expect(expires - Date.now()).toBeGreaterThan(3_590_000);
    expect(expires - Date.now()).toBeLessThanOrEqual(3_600_000);
  });

  test("does not rewrite an unchanged file until it has to be renewed", async () => {
    const { nfd, path, clock } = setUp();
    nfd.round();
    const { ino } = statSync(path);
    await clock.advance(1_199_000);
    nfd.round();
    expect(statSync(path).ino).toBe(ino);
    await clock.advance(1000);
    nfd.round();
    expect(statSync(path).ino).not.toBe(ino);
  });

  test("writes a file that has changed or was removed", () => {
    const { nfd, path, state, read } = setUp();
    nfd.round();
    state.features = { ...loopback, moduleVersion: "0.15.5" };
    nfd.round();
    expect(read()).toContain("module-version=0.15.5\n");
    rmSync(path);
    nfd.round();
    expect(read()).toContain("module-version=0.15.5\n");
  });

  test("warns once of a missing directory, and writes when it exists", () => {
    rmSync(directory, { recursive: true });
    const { nfd, log, read } = setUp();
    for (let n = 0; n < 3; n++) nfd.round();
    expect(log.lines.map(({ level, msg }) => [level, msg])).toEqual([
      ["warn", "Writing node features for NFD failed"],
    ]);
    mkdirSync(directory);
    nfd.round();
    nfd.round();
    expect(read()).toContain("count=8");
    expect(log.lines.slice(1).map(({ level, msg }) => [level, msg])).toEqual([
      ["info", "Node features written for NFD"],
    ]);
  });

  test("leaves the file behind at the end, for the next process", async () => {
    const { nfd, read } = setUp();
    const stop = new AbortController();
    const running = nfd.run(stop.signal);
    stop.abort();
    await running;
    expect(read()).toContain("count=8");
  });
});
