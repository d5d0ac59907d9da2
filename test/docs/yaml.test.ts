import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { YAML } from "bun";
import { options } from "../../src/config/options.ts";
import { markdownFiles, yamlBlocks } from "../support/markdown.ts";

const root = join(import.meta.dir, "../..");
const blocks = markdownFiles(root).flatMap((path) =>
  yamlBlocks(readFileSync(join(root, path), "utf8")).map((text) => ({ path, text })),
);

test("YAML in the pages parses, that in commands included", () => {
  expect(blocks.length).toBeGreaterThan(5);
  expect(blocks.some(({ text }) => text.startsWith("apiVersion: v1\nkind: Pod\n"))).toBe(true);
  for (const { path, text } of blocks) {
    const parse = () => YAML.parse(text);
    expect([path, parse()]).toEqual([path, expect.anything()]);
  }
});

test("pods in the pages request the resource by its name, as limits", () => {
  const requested = blocks.flatMap(({ path, text }) =>
    [...text.matchAll(/^( *)([\w.-]+\/[\w-]*(?:camera|video|screen)[\w-]*): *["']?\d/gm)].map(
      ([, , name]) => ({ path, name }),
    ),
  );
  expect(requested.length).toBeGreaterThan(2);
  const { default: resource } = options.resourceName;
  const other = requested.filter(
    ({ name = "" }) => name !== resource && !name.startsWith("example.com/"),
  );
  expect(other).toEqual([]);
});
