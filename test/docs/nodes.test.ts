import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { installHint } from "../../src/v4l2/loopback/install-hint.ts";

const root = join(import.meta.dir, "../..");
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
