import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Glob } from "bun";

const root = join(import.meta.dir, "../..");
const text = readFileSync(join(root, "docs/architecture.md"), "utf8");

test("docs/architecture.md has at most 150 lines", () => {
  expect(text.trimEnd().split("\n").length).toBeLessThanOrEqual(150);
});

test("docs/architecture.md names only existing files, some by the end of their path", () => {
  const files = [...new Glob("{src,test,deploy}/**/*.ts").scanSync(root)];
  const names = [...text.matchAll(/`([\w./-]+\.ts)`/g)].map(([, name = ""]) => name);
  expect(names.length).toBeGreaterThan(15);
  expect(names.filter((name) => !files.some((path) => `/${path}`.endsWith(`/${name}`)))).toEqual(
    [],
  );
});

test("docs/architecture.md names every room of src", () => {
  const rooms = readdirSync(join(root, "src"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  expect(rooms.length).toBeGreaterThan(10);
  expect(rooms.filter((room) => !new RegExp(`\\b${room}\\b`).test(text))).toEqual([]);
});
