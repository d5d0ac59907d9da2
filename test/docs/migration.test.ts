import { expect, test } from "bun:test";
import { join } from "node:path";
import { codeBlocks } from "../support/markdown.ts";

const page = await Bun.file(join(import.meta.dir, "../../docs/migration.md")).text();

test("docs/migration.md ends the predecessor's pods before ours start, since it unloads the module when it stops", () => {
  const lines = codeBlocks(page, ["sh"]).flatMap((block) => block.split("\n"));
  const removal = lines.findIndex((line) => /^kubectl delete .*daemonset\//.test(line));
  const start = lines.findIndex((line) => line.startsWith("kubectl apply "));
  expect(removal).toBeGreaterThanOrEqual(0);
  expect(start).toBeGreaterThan(removal);
  // In the background, as by default, kubectl returns while the pods still run.
  expect(lines[removal]).toContain(" --cascade=foreground");
  expect(lines[removal]).not.toMatch(/--wait=false|--force|--now|--grace-period/);
});
