import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tableRows } from "../support/markdown.ts";

const root = join(import.meta.dir, "../..");
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "vdp-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/**
 * What decides nothing about an Allocate: basics, the seam's types and shared functions, functions from a value to a
 * value, the connection to the kubelet, the lock that drivers share, and what records whose a device is, and which number its container gets.
 */
const notCounted =
  /^src\/(common|linux|v4l2|gen|grpc)\/|^src\/pod-resources\/(connection|device-owners|read-answer)\.ts$|^src\/devices\/usage\/(usage|pod-numbers)\.ts$|^src\/drivers\/driver(-devices)?\.ts$|\/(card-label|container-path|loopback-config|pair|parameters|render-allocation|replicas|shared-module)\.ts$/;

/** How often each line of each file ran, in a run of the fixture: `path:line` → times. */
function linesRun(env: Readonly<Record<string, string>>): Map<string, string> {
  const into = mkdtempSync(join(directory, "run-"));
  const { exitCode, stderr } = Bun.spawnSync(
    [
      ...[process.execPath, "test", "--timeout=60000", "--coverage", "--coverage-reporter=lcov"],
      ...[`--coverage-dir=${into}`, "./test/docs/allocate-path.fixture.ts"],
    ],
    { cwd: root, env: { ...process.env, ...env } },
  );
  expect({ exitCode, stderr: exitCode === 0 ? "" : stderr.toString() }).toMatchObject({
    exitCode: 0,
  });
  const lines = new Map<string, string>();
  let path = "";
  for (const line of readFileSync(join(into, "lcov.info"), "utf8").split("\n")) {
    if (line.startsWith("SF:")) path = line.slice(3);
    const [, number, times] = /^DA:(\d+),(\d+)/.exec(line) ?? [];
    if (number !== undefined && times !== undefined) lines.set(`${path}:${number}`, times);
  }
  return lines;
}

/** The files of src that an Allocate touches, without those that are not counted. */
function filesOfAllocate(env: Readonly<Record<string, string>>): string[] {
  const before = linesRun({ ...env, ALLOCATE: "no" });
  const after = linesRun(env);
  const touched = [...after]
    .filter(([line, times]) => before.get(line) !== times)
    .map(([line]) => line.replace(/:\d+$/, ""));
  return [...new Set(touched)]
    .filter((path) => path.startsWith("src/") && !notCounted.test(path))
    .map((path) => path.slice("src/".length))
    .sort();
}

const architecture = readFileSync(join(root, "docs/architecture.md"), "utf8");
const tour = tableRows(architecture, "Step").map(([, file = ""]) => file.replaceAll("`", ""));

test("Allocate of a clean device touches at most ten files, the first ones of the tour", () => {
  const files = filesOfAllocate({});
  expect(files).toEqual(tour.slice(0, files.length).sort());
  expect(files.length).toBeLessThanOrEqual(10);
});

test("Allocate of a device that is reset first touches at most fifteen, all those of the tour", () => {
  const files = filesOfAllocate({ DIRTY: "yes" });
  expect(files).toEqual([...tour].sort());
  expect(files.length).toBeLessThanOrEqual(15);
});
