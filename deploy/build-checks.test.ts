import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brokenBuild, wrongBun } from "./build-checks.ts";

const root = join(import.meta.dir, "..");

test("only the pinned Bun builds", () => {
  expect(wrongBun("1.4.5", "1.4.5")).toBeUndefined();
  expect(wrongBun("1.4.6", "1.4.5")).toContain("npx -y bun@1.4.5 run build");
});

test("a failed build is reported with its output", () => {
  expect(brokenBuild(0, "")).toBeUndefined();
  expect(brokenBuild(1, "no such module")).toContain("no such module");
});

test("dropped bytecode is found in Bun's output", () => {
  const directory = mkdtempSync(join(tmpdir(), "build-"));
  try {
    // It uses import.meta, which is for modules; without --format=esm bytecode is made of scripts.
    const consola = join(root, "node_modules/consola/dist/index.mjs");
    writeFileSync(join(directory, "main.ts"), `import consola from "${consola}"; consola.log("");`);
    const { exitCode, stdout, stderr } = Bun.spawnSync(
      [process.execPath, "build", "--compile", "--bytecode", "--outfile=out", "main.ts"],
      { cwd: directory },
    );
    expect(exitCode).toBe(0);
    expect(brokenBuild(exitCode, `${stdout}${stderr}`)).toContain("bytecode was dropped");
  } finally {
    rmSync(directory, { recursive: true });
  }
});
