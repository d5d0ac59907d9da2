import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, normalize } from "node:path";
import { Glob } from "bun";
import { links } from "../support/markdown.ts";

const root = join(import.meta.dir, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** Pages for readers; a README below `test/` or of the examples is for those who are there already. */
const pages = [
  ...new Glob("docs/*.md").scanSync(root),
  ...new Glob("deploy/*/README.md").scanSync(root),
  "deploy/helm/video-device-plugin/README.md",
  "CONTRIBUTING.md",
].sort();

test("docs/README.md lists every page, in a line of its own that says what it has", () => {
  const lines = read("docs/README.md")
    .split("\n")
    .filter((line) => line.startsWith("- ["));
  const listed = lines.flatMap((line) =>
    links(line).map((link) => normalize(join("docs", link.replace(/#.*/, "")))),
  );
  expect(pages.length).toBeGreaterThan(15);
  const missing = pages.filter((page) => page !== "docs/README.md" && !listed.includes(page));
  expect(missing).toEqual([]);
  expect(listed.length).toBe(lines.length);
});

test("the README leads to the index, and has at most 200 lines", () => {
  expect(links(read("README.md"))).toContain("docs/README.md");
  expect(read("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(200);
});

test("the README has the commands of the demo and of the tests, with the pinned Bun", () => {
  const { packageManager } = JSON.parse(read("package.json")) as { packageManager: string };
  for (const script of ["demo", "test"]) {
    expect(read("README.md")).toContain(`\nnpx -y ${packageManager} run ${script} `);
  }
});
