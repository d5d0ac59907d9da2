/** Renders from the options' table: `.env.example`, the table of `docs/options.md`, the Helm chart's options. */
import { join } from "node:path";
import { renderEnvExample } from "./docs/env-example.ts";
import { OPTIONS_END, OPTIONS_START, replaceOptionsTable } from "./docs/options-table.ts";
import { renderChartFiles } from "./manifests/chart.ts";

const root = join(import.meta.dir, "..");
const pagePath = join(root, "docs/options.md");

const page = replaceOptionsTable(await Bun.file(pagePath).text());
if (page === undefined) {
  throw new Error(`docs/options.md lacks the markers ${OPTIONS_START} and ${OPTIONS_END}`);
}
await Bun.write(pagePath, page);
await Bun.write(join(root, ".env.example"), renderEnvExample());
for (const { path, text } of await renderChartFiles()) await Bun.write(path, text);
console.log("Wrote .env.example, the table of docs/options.md and the Helm chart's options");
