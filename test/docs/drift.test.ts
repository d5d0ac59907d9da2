import { expect, test } from "bun:test";
import { join } from "node:path";
import { renderEnvExample } from "../../deploy/docs/env-example.ts";
import { OPTIONS_END, OPTIONS_START, renderOptionsTable } from "../../deploy/docs/options-table.ts";
import { tableRows } from "../support/markdown.ts";

const root = join(import.meta.dir, "../..");

// `bun deploy/render-docs.ts` mends both

test(".env.example is what the options' table renders", async () => {
  expect(await Bun.file(join(root, ".env.example")).text()).toBe(renderEnvExample());
});

test("the README's table is what the options' table renders", async () => {
  const readme = await Bun.file(join(root, "README.md")).text();
  expect(readme.split(OPTIONS_START)).toHaveLength(2);
  expect(readme.split(OPTIONS_END)).toHaveLength(2);
  const table = readme.split(OPTIONS_START)[1]?.split(OPTIONS_END)[0];
  expect(table).toBe(`\n${renderOptionsTable()}`);
});

test("the README tells what each part of .ci/run shows", async () => {
  const parts = [...(await Bun.file(join(root, ".ci/run")).text()).matchAll(/^part (\w+) /gm)];
  const rows = tableRows(await Bun.file(join(root, "README.md")).text(), "part").map(String);
  expect(parts.length).toBeGreaterThan(3);
  const untold = parts.filter(([, part]) => !rows.some((row) => row.includes(`\`${part}\``)));
  expect(untold.map(([, part]) => part)).toEqual([]);
});
