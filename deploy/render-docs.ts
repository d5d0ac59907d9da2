/**
 * Renders from the options' table: `.env.example`, the table of `docs/options.md`, the Helm chart's options; from the
 * declaration of the config file its JSON Schema; and from
 * `repository` and `version` in package.json the addresses of image, chart and sources, and the version, wherever a file
 * names them.
 */
import { join } from "node:path";
import { renderEnvExample } from "./docs/env-example.ts";
import { OPTIONS_END, OPTIONS_START, replaceOptionsTable } from "./docs/options-table.ts";
import { poolsSchemaPath, renderPoolsSchema } from "./docs/pools-schema.ts";
import { renderChartFiles } from "./manifests/chart.ts";
import { renderNames, renderVersion } from "./names/rename.ts";

const root = join(import.meta.dir, "..");
const pagePath = join(root, "docs/options.md");

const renamed = renderNames(root);
if (renamed.length > 0) console.log(`Wrote the new addresses into ${renamed.length} files`);
const versioned = renderVersion(root);
if (versioned.length > 0) console.log(`Wrote the new version into ${versioned.length} files`);

const page = replaceOptionsTable(await Bun.file(pagePath).text());
if (page === undefined) {
  throw new Error(`docs/options.md lacks the markers ${OPTIONS_START} and ${OPTIONS_END}`);
}
await Bun.write(pagePath, page);
await Bun.write(join(root, ".env.example"), renderEnvExample());
await Bun.write(join(root, poolsSchemaPath), renderPoolsSchema());
for (const { path, text } of await renderChartFiles()) await Bun.write(path, text);
console.log(
  `Wrote .env.example, the table of docs/options.md, ${poolsSchemaPath} and the Helm chart's options`,
);
