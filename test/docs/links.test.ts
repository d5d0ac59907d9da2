import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { anchors, links, markdownFiles } from "../support/markdown.ts";

const root = join(import.meta.dir, "../..");
const files = markdownFiles(root);

describe("links in the repository's Markdown", () => {
  test("are many", () => {
    expect(files).toContain("README.md");
    expect(files.flatMap((path) => links(read(path))).length).toBeGreaterThan(10);
  });

  for (const path of files) {
    test(`of ${path} lead somewhere`, () => {
      expect(links(read(path)).filter((target) => !resolves(path, target))).toEqual([]);
    });
  }
});

test("paths of the repository that the Markdown names exist", () => {
  const named = files.flatMap((path) =>
    [...read(path).matchAll(/`((?:src|test|deploy|docs|proto|\.ci)\/[\w./-]+)`/g)].map(
      ([, name = ""]) => ({ path, name }),
    ),
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter(({ name }) => !existsSync(join(root, name)))).toEqual([]);
});

test("anchors are found outside of code blocks", () => {
  const text = "# One `two`, three!\n## Same\n## Same\n```sh\n# no heading\n```\n";
  expect([...anchors(text)]).toEqual(["one-two-three", "same", "same-1"]);
});

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** True if the target exists; addresses of web pages aren't checked. */
function resolves(from: string, target: string): boolean {
  if (/^[a-z]+:/.test(target)) return true;
  const [path = "", anchor] = target.split("#");
  const to = path === "" ? join(root, from) : join(root, dirname(from), path);
  if (!existsSync(to) || relative(root, to).startsWith("..")) return false;
  if (anchor === undefined) return true;
  return statSync(to).isFile() && anchors(readFileSync(to, "utf8")).has(anchor);
}
