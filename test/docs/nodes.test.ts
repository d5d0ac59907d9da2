import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join, normalize } from "node:path";
import { installHint } from "../../src/v4l2/loopback/install-hint.ts";

const root = join(import.meta.dir, "../..");
const pages = ["docs/nodes.md", "docs/migration.md"];
const read = (path: string) => readFileSync(join(root, path), "utf8");

test("docs/nodes.md quotes the doctor's advice for each kernel as the doctor gives it", () => {
  const [, table = ""] = read("docs/nodes.md").split(/<!-- hints:(?:start|end) -->/);
  const rows = table.trim().split("\n").slice(2);
  expect(rows.length).toBeGreaterThan(6);
  for (const row of rows) {
    const [kernel = "", loopback, videodev] = row.replace(/^\| | \|$/g, "").split(" | ");
    const release = kernel.replaceAll("`", "");
    expect([loopback, videodev]).toEqual([
      installHint("v4l2loopback", release),
      installHint("videodev", release),
    ]);
  }
});

test.each(pages)("%s links to files and headings that are there", (page) => {
  for (const [, target = ""] of read(page).matchAll(/\]\(([^)]+)\)/g)) {
    if (target.startsWith("https://")) continue;
    const [file = "", anchor] = target.split("#");
    const path = file === "" ? page : normalize(join(page, "..", file));
    expect([target, existsSync(join(root, path))]).toEqual([target, true]);
    if (anchor !== undefined) expect(headings(path)).toContain(anchor);
  }
});

/** A page's headings as GitHub makes anchors of them. */
function headings(path: string): string[] {
  return [...read(path).matchAll(/^#+ (.*)$/gm)].map(([, text = ""]) =>
    text
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}
