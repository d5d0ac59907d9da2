import { afterAll, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { readInitOnAlloc } from "./init-on-alloc.ts";

const work = mkdtempSync(join(tmpdir(), "init-on-alloc-"));
afterAll(() => rmSync(work, { recursive: true }));
const places = {
  procDir: join(work, "proc"),
  bootDir: join(work, "boot"),
  modulesDir: join(work, "modules"),
  kernelRelease: "6.8.0",
};
const ON = "CONFIG_A=y\nCONFIG_INIT_ON_ALLOC_DEFAULT_ON=y\n";
const OFF = "# CONFIG_INIT_ON_ALLOC_DEFAULT_ON is not set\n";

beforeEach(() => {
  rmSync(work, { recursive: true });
  for (const name of ["proc", "boot", "modules/6.8.0"])
    mkdirSync(join(work, name), { recursive: true });
});

test("nothing is known where nothing tells", () => {
  expect(readInitOnAlloc(places)).toEqual({ on: undefined, source: "" });
});

test.each([
  ["boot/config-6.8.0", ON, true],
  ["boot/config-6.8.0", OFF, false],
  ["modules/6.8.0/config", ON, true],
  ["proc/config.gz", gzipSync(ON), true],
  ["proc/config.gz", gzipSync(OFF), false],
])("%s tells the kernel's default", (name, content, on) => {
  writeFileSync(join(work, name), content);
  expect(readInitOnAlloc(places)).toEqual({ on, source: join(work, name) });
});

test.each([
  ["quiet init_on_alloc=1\n", true],
  ["init_on_alloc=0", false],
  ["init_on_alloc=0 init_on_alloc=on", true],
])("the command line %j comes first", (line, on) => {
  writeFileSync(join(work, "boot/config-6.8.0"), on ? OFF : ON);
  writeFileSync(join(work, "proc/cmdline"), line);
  expect(readInitOnAlloc(places)).toEqual({ on, source: join(work, "proc/cmdline") });
});

test("a configuration that is no gzip is passed over", () => {
  writeFileSync(join(work, "proc/config.gz"), "no");
  writeFileSync(join(work, "boot/config-6.8.0"), ON);
  expect(readInitOnAlloc(places).on).toBe(true);
});
