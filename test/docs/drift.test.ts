import { expect, test } from "bun:test";
import { join } from "node:path";
import { renderEnvExample } from "../../deploy/docs/env-example.ts";
import { OPTIONS_END, OPTIONS_START, renderOptionsTable } from "../../deploy/docs/options-table.ts";
import { poolsSchemaPath, renderPoolsSchema } from "../../deploy/docs/pools-schema.ts";
import { tableRows } from "../support/markdown.ts";

const root = join(import.meta.dir, "../..");

// `bun deploy/render-docs.ts` fixes these

test(".env.example equals the rendering of the options' table", async () => {
  expect(await Bun.file(join(root, ".env.example")).text()).toBe(renderEnvExample());
});

test("the table of docs/options.md equals the rendering of the options' table", async () => {
  const page = await Bun.file(join(root, "docs/options.md")).text();
  expect(page.split(OPTIONS_START)).toHaveLength(2);
  expect(page.split(OPTIONS_END)).toHaveLength(2);
  const table = page.split(OPTIONS_START)[1]?.split(OPTIONS_END)[0];
  expect(table).toBe(`\n${renderOptionsTable()}`);
});

test("the JSON Schema of the config file equals its rendering", async () => {
  expect(await Bun.file(join(root, poolsSchemaPath)).text()).toBe(renderPoolsSchema());
});

test("docs/ci.md says what every part of .ci/run shows", async () => {
  const parts = [
    ...(await Bun.file(join(root, ".ci/run")).text()).matchAll(/^(?:full_)?part (\w+) /gm),
  ];
  const rows = tableRows(await Bun.file(join(root, "docs/ci.md")).text(), "level or part").map(
    String,
  );
  expect(parts.length).toBeGreaterThan(3);
  const missing = parts.filter(([, part]) => !rows.some((row) => row.includes(`\`${part}\``)));
  expect(missing.map(([, part]) => part)).toEqual([]);
});
