import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { installHint } from "../../src/drivers/loopback/module/install-hint.ts";
import { codeBlocks } from "../support/markdown.ts";

const root = join(import.meta.dir, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

test("docs/nodes.md quotes the doctor's advice for each kernel", () => {
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

const commands = ["README.md", "deploy/kubernetes/README.md"].flatMap((path) =>
  codeBlocks(read(path), ["sh"]).flatMap((block) => block.replaceAll("\\\n", " ").split("\n")),
);

test("commands that show the log include the init container's, also while the daemon waits for it", () => {
  const logs = commands.filter((line) => /^kubectl logs .*kube-system/.test(line));
  expect(logs).toHaveLength(3);
  for (const line of logs) {
    if (line.includes(" -c setup")) continue;
    expect(line).toContain(" --all-containers ");
    // Without it, kubectl ends at the first container that has not started (pkg/cmd/logs sequentialConsumeRequest).
    expect(line).toContain(" --ignore-errors ");
  }
});
