/** Renders from the options' table: `.env.example`, the README's table, the Helm chart's options. */
import { join } from "node:path";
import { renderEnvExample } from "./docs/env-example.ts";
import { OPTIONS_END, OPTIONS_START, replaceOptionsTable } from "./docs/options-table.ts";
import { renderChartFiles } from "./manifests/chart.ts";

const root = join(import.meta.dir, "..");
const readmePath = join(root, "README.md");

const readme = replaceOptionsTable(await Bun.file(readmePath).text());
if (readme === undefined) {
  throw new Error(`README.md lacks the markers ${OPTIONS_START} and ${OPTIONS_END}`);
}
await Bun.write(readmePath, readme);
await Bun.write(join(root, ".env.example"), renderEnvExample());
for (const { path, text } of await renderChartFiles()) await Bun.write(path, text);
console.log("Wrote .env.example, the options' table of README.md and the Helm chart's options");
