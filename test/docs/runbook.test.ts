import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";
import { commands } from "../../src/cli/commands.ts";
import { errorKinds, isToolError } from "../../src/common/error-codes.ts";
import { inventoryReasons } from "../../src/devices/inventory/device-status.ts";
import { cameraReasons } from "../../src/drivers/camera/index.ts";
import { loopbackReasons } from "../../src/drivers/loopback/index.ts";
import { anchors, tableRows } from "../support/markdown.ts";

const errorCodes = Object.keys(errorKinds);
const root = join(import.meta.dir, "../..");
const runbook = readFileSync(join(root, "docs/runbook.md"), "utf8");

/** The most common issues. */
const commonIssues = [
  "pods-stuck-in-pending",
  "no-video-devices",
  "permission-denied",
  "device-allocation-fails",
  "plugin-stops-working-after-kubelet-restart",
];

/** Every reason that a device may have for not being healthy. */
const reasons = [...loopbackReasons, ...cameraReasons, ...inventoryReasons];

/** Commands that call a running plugin, or create devices for it. */
const operating = [
  "status",
  "reset",
  "repair",
  "cordon",
  "uncordon",
  "log-level",
  "probe",
  "setup",
];

/** Rooms whose errors a user reads at once with their remedy, and that no log has. */
const TOOLS = /^src\/(cli|frames|simulator)\/|\.test\.ts$/;

/** Names in backquotes in the first column of a table. */
function named(firstColumn: string): string[] {
  return tableRows(runbook, firstColumn).flatMap(([cell = ""]) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name),
  );
}

/** Texts in backquotes that have the form of a log message, also across lines; one of that form is the kubelet's. */
function quotedMessages(): string[] {
  const text = runbook.replaceAll(/^```.*?^```$/gms, "").replaceAll(/\s+/g, " ");
  return [...text.matchAll(/`([A-Z][a-z]+ [a-z][^`]*)`/g)]
    .map(([, message = ""]) => message)
    .filter((message) => message !== "Liveness probe failed");
}

/** The code of every error whose construction in the plugin's rooms names it. */
function codesOfThePlugin(): Set<string> {
  const files = [...new Glob("src/**/*.ts").scanSync(root)].filter((path) => !TOOLS.test(path));
  const codes = files.flatMap((path) =>
    [
      ...readFileSync(join(root, path), "utf8").matchAll(
        /new PluginError\(\s*"(\w+)"|^\s+code: "(\w+)",$/gm,
      ),
    ].map(([, made, explained]) => made ?? explained ?? ""),
  );
  return new Set(codes);
}

describe("the runbook", () => {
  test("has the most common issues", () => {
    expect(commonIssues.filter((anchor) => !anchors(runbook).has(anchor))).toEqual([]);
  });

  test("has every reason of a device, once", () => {
    expect(named("Reason").sort()).toEqual([...reasons].sort());
  });

  test("has every error of the plugin", () => {
    const known = new Set(named("Code"));
    expect(errorCodes.filter((code) => !isToolError(code) && !known.has(code))).toEqual([]);
  });

  test("leaves out the errors of tools alone", () => {
    const codes = codesOfThePlugin();
    expect(codes.size).toBeGreaterThan(35);
    expect(errorCodes.filter((code) => isToolError(code) && codes.has(code))).toEqual([]);
  });

  test("has no code that no error can have", () => {
    const known = new Set<string>(errorCodes);
    expect(named("Code").filter((code) => !known.has(code))).toEqual([]);
  });

  test("has no error twice", () => {
    const codes = named("Code");
    expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([]);
  });

  test("has the errors in alphabetical order, by the first of a row", () => {
    const first = tableRows(runbook, "Code").map(([cell = ""]) => /\w+/.exec(cell)?.[0] ?? "");
    expect(first).toEqual([...first].sort());
  });

  test("quotes only log messages that the program has", () => {
    const sources = [...new Glob("src/**/*.ts").scanSync(root)]
      .filter((path) => !path.endsWith(".test.ts"))
      .map((path) => readFileSync(join(root, path), "utf8"))
      .join("\n");
    const quoted = quotedMessages();
    expect(quoted.length).toBeGreaterThan(10);
    expect(quoted.filter((message) => !sources.includes(`"${message}"`))).toEqual([]);
  });

  test("names only existing commands", () => {
    const known = new Set([...commands.map(({ name }) => name), ...operating]);
    const used = [...runbook.matchAll(/(?:^|`|-- )video-device-plugin ([a-z-]+)/gm)].map(
      ([, name = ""]) => name,
    );
    expect(used.length).toBeGreaterThan(20);
    expect(used.filter((name) => !known.has(name))).toEqual([]);
  });
});
