import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { version as pluginVersion } from "../../package.json";
import { kubernetesVersion } from "../cluster/paths.ts";
import { MODULE_VERSIONS, NEWER_KERNEL, OLDEST_AND_NEWEST } from "../kernel/provision.ts";
import { kubeletVersion } from "../kubelet/paths.ts";
import { tableRows } from "../support/markdown.ts";

/** What docs/compatibility.md says of CI is what the tests of these parts name. */
const root = join(import.meta.dir, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const page = read("docs/compatibility.md");

const inGate = (part: string, cell: string) => cell.match(/\*\*CI\*\*[^;*]*/)?.[0].includes(part);
const inFullRun = (part: string, cell: string) =>
  cell.match(/\*\*CI, full run\*\*[^;*]*/)?.[0].includes(part);

/** `gate`, `full` or undefined: which run of this part a cell names. */
function runOf(part: string, cell: string | undefined): "gate" | "full" | undefined {
  if (cell === undefined) return undefined;
  if (inGate(`\`${part}\``, cell)) return "gate";
  return inFullRun(`\`${part}\``, cell) ? "full" : undefined;
}

/** Versions of the table's rows whose cell `test` accepts. */
function versionsWith(rows: readonly string[][], column: number, test: (cell: string) => boolean) {
  return rows.filter((row) => test(row[column] ?? "")).map(([version = ""]) => version);
}

const minor = (version: string) => version.split(".").slice(0, 2).join(".");

test("a cell's run is found by the word and the part", () => {
  const cells = ["**CI** `a`, `b`", "**CI, full run** `b`; **CI** `c`", "unknown `a`"];
  expect(cells.map((cell) => runOf("b", cell))).toEqual(["gate", "full", undefined]);
  expect(cells.map((cell) => runOf("a", cell))).toEqual(["gate", undefined, undefined]);
});

test("docs/compatibility.md is of this version of the plugin", () => {
  expect(page).toContain(`this version of the plugin, ${pluginVersion},`);
});

test("every part that it names is one of .ci/run", () => {
  const parts = [...read(".ci/run").matchAll(/^part ([a-z0-9]+) /gm)].map(([, part = ""]) => part);
  const cells = [...page.matchAll(/\*\*CI(?:, full run)?\*\* ((?:`[a-z0-9]+`(?:, )?)+)/g)];
  const named = cells.flatMap(([, names = ""]) => names.match(/[a-z0-9]+/g) ?? []);
  expect(named.length).toBeGreaterThan(12);
  expect(named.filter((part) => !parts.includes(part))).toEqual([]);
});

describe("the table of Kubernetes", () => {
  const rows = tableRows(page, "Kubernetes").slice(1);

  test.each([
    ["kubelet", 1, kubeletVersion],
    ["node", 1, kubeletVersion],
    ["cluster", 1, kubernetesVersion],
    ["cluster", 2, kubernetesVersion],
  ] as const)("has %s in column %i with %s alone", (part, column, version) => {
    const tested = (cell: string) => runOf(part, cell) === "gate";
    expect(versionsWith(rows, column, tested)).toEqual([minor(version)]);
    const row = rows.find(([first]) => first === minor(version));
    expect(row?.[column]).toStartWith(`${version}: `);
  });

  test("names the versions of the kubelet that the scenarios of the compiled plugin simulate", () => {
    const [, list = ""] =
      /^const versions: KubeletVersion\[\] = (\[.*\]);$/m.exec(
        read("test/contract/kubelet-scenarios.test.ts"),
      ) ?? [];
    const simulated = (cell: string) => cell.includes("**simulated**");
    expect(versionsWith(rows, 1, simulated)).toEqual(JSON.parse(list));
  });

  test("names the versions whose schemas the manifests are held to", () => {
    const provided = read("test/manifests/provision.sh").matchAll(/ kubernetes-([\d.]+)\.json$/gm);
    const schema = (cell: string) => cell.includes("**schema**");
    expect(versionsWith(rows, 2, schema)).toEqual([...provided].map(([, version = ""]) => version));
  });
});

describe("the table of v4l2loopback", () => {
  const rows = tableRows(page, "v4l2loopback");
  const [newerVersion = "", newerKernel = ""] = NEWER_KERNEL.split("@");
  const runs = (column: number) =>
    Object.fromEntries(
      rows
        .map(([version = "", ...cells]) => [version, runOf("kernel", cells[column - 1])])
        .filter(([, run]) => run !== undefined),
    );

  test("names the versions that the gate and the full run play on Debian's kernel", () => {
    const size = (version: (typeof MODULE_VERSIONS)[number]) =>
      OLDEST_AND_NEWEST.includes(version) ? "gate" : "full";
    expect(runs(1)).toEqual(
      Object.fromEntries(MODULE_VERSIONS.map((version) => [version, size(version)])),
    );
  });

  test("names the version that the full run plays on the newer kernel", () => {
    expect(page).toContain(`| Debian's ${newerKernel} |`);
    expect(runs(2)).toEqual({ [newerVersion]: "full" });
  });
});

test("the table of runtimes names the containerd of the cluster's tests", () => {
  const [, version] =
    /containerd\/containerd\/v2 v([\d.]+)/.exec(read("test/cluster/containerd/go.mod")) ?? [];
  const rows = tableRows(page, "runtime");
  expect(rows.filter(([, cell]) => runOf("cluster", cell)).map(([name]) => name)).toEqual([
    `containerd ${version}, runc 1.1 of Debian 12`,
  ]);
});
