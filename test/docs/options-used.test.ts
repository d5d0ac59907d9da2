import { expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { optionKeys } from "../../src/config/options.ts";

const root = join(import.meta.dir, "../..");

/** Rooms whose use of an option has no effect on a node. */
const notAUse = /^src\/(config|simulator|gen|cli\/demo)|\.test\.ts$/;

test("every option is read by the program", async () => {
  const sources = await Promise.all(
    [...new Glob("src/**/*.ts").scanSync(root)]
      .filter((path) => !notAUse.test(path))
      .map(async (path) => withoutComments(await Bun.file(join(root, path)).text())),
  );
  const dead = optionKeys.filter((key) => !sources.some((source) => reads(source, key)));
  expect(dead).toEqual([]);
});

test("a mention is no use", () => {
  expect(reads("start(config.maxDevices)", "maxDevices")).toBe(true);
  expect(reads("const { driver, maxDevices } = config;", "maxDevices")).toBe(true);
  expect(reads("const { maxDevices: count } = this.#config;", "maxDevices")).toBe(true);
  expect(reads('({ maxDevices }: Pick<Config, "maxDevices">) => 1', "maxDevices")).toBe(true);
  expect(reads("config.maxDevicesAndMore", "maxDevices")).toBe(false);
  expect(reads("const maxDevices = 8; const { driver } = config;", "maxDevices")).toBe(false);
  expect(reads(withoutComments("// config.maxDevices\n"), "maxDevices")).toBe(false);
  expect(reads(withoutComments("/** {@link config.maxDevices} */"), "maxDevices")).toBe(false);
});

/** True if `source` reads `key` from a configuration, by name or by destructuring. */
function reads(source: string, key: string): boolean {
  const member = new RegExp(`\\bconfig\\.${key}\\b`);
  const destructured = new RegExp(
    `\\{[^{}]*\\b${key}\\b[^{}]*\\}\\s*(=\\s*[\\w.#]*config\\b|:\\s*(Pick<)?Config\\b)`,
  );
  return member.test(source) || destructured.test(source);
}

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}
