import { join } from "node:path";
import { poolsSchema } from "../docs/pools-schema.ts";
import { dashboard } from "../monitoring/dashboard.ts";
import {
  CHART_OPTIONS_END,
  CHART_OPTIONS_START,
  chartOptionsSchema,
  renderChartVariables,
  replaceChartValues,
} from "./chart-options.ts";

/** The Helm chart's directory. */
export const chartDir = join(import.meta.dir, "../helm/video-device-plugin");

const valuesPath = join(chartDir, "values.yaml");
const schemaPath = join(chartDir, "values.schema.json");

/** A rendered file, with its absolute path. */
export interface RenderedFile {
  readonly path: string;
  readonly text: string;
}

/**
 * The rendered parts of the chart: values, their schema and the variables' template from the program's table of options;
 * and the alerts and the dashboard, since a chart can't read a file outside of itself.
 */
export async function renderChartFiles(): Promise<RenderedFile[]> {
  const values = replaceChartValues(await Bun.file(valuesPath).text());
  if (values === undefined) {
    throw new Error(`${valuesPath} lacks "${CHART_OPTIONS_START}" and "${CHART_OPTIONS_END}"`);
  }
  const alerts = await Bun.file(join(import.meta.dir, "../monitoring/alerts.yaml")).text();
  const schema = await Bun.file(schemaPath).json();
  schema.properties.config = chartOptionsSchema();
  const file = poolsSchema() as { readonly properties: { readonly pools: object } };
  // None is the default: the options describe the only pool.
  schema.properties.pools = { ...file.properties.pools, minItems: 0 };
  return [
    { path: valuesPath, text: values },
    { path: schemaPath, text: `${JSON.stringify(schema, undefined, 2)}\n` },
    { path: join(chartDir, "templates/_variables.tpl"), text: renderChartVariables() },
    { path: join(chartDir, "files/alerts.yaml"), text: alerts.slice(alerts.indexOf("groups:")) },
    {
      path: join(chartDir, "files/dashboard.json"),
      text: `${JSON.stringify(dashboard(), undefined, 2)}\n`,
    },
  ];
}
