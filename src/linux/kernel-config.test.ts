import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { readInitOnAlloc } from "./kernel-config.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "init-on-alloc-"));
});
afterEach(() => rmSync(root, { recursive: true }));

const read = () =>
  readInitOnAlloc({ procDir: root, bootDir: root, modulesDir: root, kernelRelease: "6.1.0" });
const ON = "CONFIG_A=y\nCONFIG_INIT_ON_ALLOC_DEFAULT_ON=y\n";

test("without command line and configuration it is unknown", () => expect(read()).toBeUndefined());

test.each([
  ["quiet init_on_alloc=0", false],
  ["init_on_alloc=1 quiet", true],
  ["init_on_alloc=0 init_on_alloc=on\n", true],
  ["xinit_on_alloc=0", true],
])("the command line %j decides over the configuration", (text, expected) => {
  writeFileSync(join(root, "config-6.1.0"), ON);
  writeFileSync(join(root, "cmdline"), text);
  expect(read()).toBe(expected);
});

test("the configuration is beside the modules, in /boot or in the kernel itself", () => {
  mkdirSync(join(root, "6.1.0"));
  writeFileSync(join(root, "6.1.0/config"), ON);
  expect(read()).toBe(true);
  writeFileSync(join(root, "config-6.1.0"), "# CONFIG_INIT_ON_ALLOC_DEFAULT_ON is not set\n");
  expect(read()).toBe(false);
  writeFileSync(join(root, "config.gz"), gzipSync(ON));
  expect(read()).toBe(true);
  writeFileSync(join(root, "config.gz"), "garbage");
  expect(read()).toBe(false);
});
