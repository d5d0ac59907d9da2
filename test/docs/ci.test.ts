import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { YAML } from "bun";
import { ciSize, onlyInFullRun } from "../support/ci-size.ts";
import { tableRows } from "../support/markdown.ts";
import { startEach } from "../support/start-each.ts";

const root = join(import.meta.dir, "../..");
const script = readFileSync(join(root, ".ci/run"), "utf8");
const parts = [...script.matchAll(/^(?:full_)?part ([a-z0-9]+) /gm)].map(([, part = ""]) => part);

test("docs/ci.md has what each part of .ci/run takes", () => {
  const rows = tableRows(readFileSync(join(root, "docs/ci.md"), "utf8"), "part").map(String);
  expect(parts).toContain("kernel");
  for (const part of ["level1", ...parts]) {
    expect([part, rows.filter((row) => row.includes(`\`${part}\``)).length]).toEqual([part, 1]);
  }
});

describe(".ci/run", () => {
  const bin = mkdtempSync(join(tmpdir(), "vdp-ci-"));
  afterAll(() => rmSync(bin, { recursive: true }));
  /** What level 1 would install. */
  beforeAll(() => {
    for (const name of ["zsh", "fish", "shellcheck", "systemd-analyze", "python3"])
      program(name, "");
  });

  function program(name: string, body: string): void {
    writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }

  /** `tests` is what runs in place of Bun. */
  function ran(args: readonly string[], tests = "false") {
    program("npx", tests);
    const env = { ...process.env, PATH: `${bin}:${process.env["PATH"]}` };
    const { exitCode, stdout } = Bun.spawnSync(["bash", ".ci/run", ...args], { cwd: root, env });
    const lines = stdout.toString().split("\n").slice(0, -1);
    return { exitCode, end: lines.slice(lines.lastIndexOf("") + 1), lines };
  }

  test.each([[[]], [["gate"]], [["full"]]])("%j: a part that isn't there is a failure", (size) => {
    const { exitCode, lines } = ran([...size, "nothing"]);
    expect({ exitCode, lines }).toEqual({ exitCode: 1, lines: ["", "0 passed, 0 failed"] });
  });

  test("runs a part that only the full run has, and has the workflow list it, only there", () => {
    const file = readFileSync(join(root, ".github/workflows/test.yaml"), "utf8");
    const { jobs } = YAML.parse(file) as { jobs: { parts: { steps: { run?: string }[] } } };
    const run = jobs.parts.steps.at(-1)?.run ?? "";
    const listed = (SIZE: string) => {
      const PATH = `${bin}:${process.env["PATH"]}`;
      const env = { ...process.env, PATH, SIZE, GITHUB_OUTPUT: "/dev/null" };
      const { stdout } = Bun.spawnSync(["bash", "-ec", run], { cwd: root, env });
      return JSON.parse(stdout.toString().replace("parts=", ""));
    };
    expect(listed("full")).toEqual(parts);
    const fullOnly = ["examples", "keda"];
    expect(listed("gate")).toEqual(parts.filter((part) => !fullOnly.includes(part)));
    const runs = (...args: string[]) => ran(args, "exit 1").lines.includes("==> build");
    expect([runs("keda"), runs("full", "keda"), runs("full", "kedas")]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test("counts what passed, and what was skipped as neither passed nor failed", () => {
    const tests = "printf ' 3 pass\\n 2 skip\\n 0 fail\\n'";
    expect(ran(["level1"], tests)).toMatchObject({
      exitCode: 0,
      end: ["2 skipped: only .ci/run full has them", "3 passed, 0 failed"],
    });
    expect(ran(["full", "level1"], tests)).toMatchObject({
      exitCode: 0,
      end: ["2 skipped", "3 passed, 0 failed"],
    });
  });

  test("fails if a test does, or if a command fails without one", () => {
    expect(ran(["level1"], "printf ' 3 pass\\n 2 fail\\n'; exit 1")).toMatchObject({
      exitCode: 1,
      end: ["3 passed, 2 failed"],
    });
    expect(ran(["level1"], "exit 1")).toMatchObject({ exitCode: 1, end: ["0 passed, 1 failed"] });
    expect(ran(["level1"], "printf ' 0 pass\\n 4 skip\\n'").exitCode).toBe(1);
  });

  test("names the size to the tests, and times each step", () => {
    for (const size of ["gate", "full"]) {
      const { lines } = ran([size, "level1"], 'echo " $VDP_CI"');
      expect(lines).toContain(` ${size}`);
      expect(lines.filter((line) => /^ +\d+ s {2}level 1(, provision)?$/.test(line))).toHaveLength(
        2,
      );
    }
  });
});

describe("the size of a run", () => {
  test("is the full one by default", () => {
    expect([ciSize({}), ciSize({ VDP_CI: "" }), ciSize({ VDP_CI: "gate" })]).toEqual([
      ...["full", "full", "gate"],
    ]);
    expect(() => ciSize({ VDP_CI: "half" })).toThrow('VDP_CI is "gate" or "full", not "half".');
  });

  test("says what is left out", () => {
    const said: string[] = [];
    const say = (text: string) => said.push(text);
    expect(onlyInFullRun("the moon", { VDP_CI: "full" }, say)).toBe(false);
    expect(onlyInFullRun("the moon", { VDP_CI: "gate" }, say)).toBe(true);
    expect(said).toEqual(["skipped: the moon: only in the full run\n"]);
  });
});

test("works that share a machine are started in their order, so many at a time, whatever becomes of them", async () => {
  const events: string[] = [];
  let running = 0;
  const work = (name: string) => async () => {
    events.push(name);
    expect(++running).toBeLessThanOrEqual(2);
    await Bun.sleep(1);
    running--;
    if (name === "b") throw new Error("b fails");
    return name;
  };
  const results = await Promise.allSettled(startEach(["a", "b", "c", "d"].map(work), 2));
  expect(events).toEqual(["a", "b", "c", "d"]);
  expect(
    results.map((result) => (result.status === "fulfilled" ? result.value : "failed")),
  ).toEqual(["a", "failed", "c", "d"]);
});
