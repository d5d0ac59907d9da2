import { expect, test } from "bun:test";
import { join } from "node:path";
import { exposedMetrics } from "../support/exposed-metrics.ts";
import { tableRows } from "../support/markdown.ts";

const docs = await Bun.file(join(import.meta.dir, "../../docs/metrics.md")).text();
const rows = tableRows(docs, "Metric");

test("docs/metrics.md has every metric with its type, labels and help, and no other", async () => {
  const documented = rows.map(([name = "", type, labels = "", help]) => ({
    name: name.replaceAll("`", ""),
    type,
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
    help,
  }));
  const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
  const exposed = await exposedMetrics();
  expect(documented.toSorted(byName) as unknown[]).toEqual(exposed.toSorted(byName));
});

test("each metric has its use", () => {
  expect(rows.filter(([, , , , use]) => !use)).toEqual([]);
});
