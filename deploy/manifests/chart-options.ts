import type { Config } from "../../src/config/config.ts";
import { type Option, optionKeys, options } from "../../src/config/options.ts";
import { isPoolKey } from "../../src/config/pools/fields.ts";
import type { ValueSchema } from "../../src/config/types/option-type.ts";
import { wrap } from "../../src/config/wrap.ts";

/** Stands before what is rendered into the Helm chart's values.yaml. */
export const CHART_OPTIONS_START =
  "  # options:start, rendered from the program's table of options";
/** Stands after it. */
export const CHART_OPTIONS_END = "  # options:end";

const WIDTH = 100;

/** What the chart sets itself, as it follows from the node, the profile, or what is mounted where. */
const SET_BY_CHART: ReadonlySet<keyof Config> = new Set([
  "nodeName",
  "configFile",
  "kubeletSocket",
  "socketPath",
  "podResourcesSocket",
  "manageDevices",
  "adminSocket",
  "stateDir",
  "cdiDir",
  "deviceDir",
  "sysfsDir",
  "modulesDir",
  "simulatedDir",
]);

/** What stands in values.yaml as a value and not as a comment: what a template or a person asks for first. */
const SHOWN: ReadonlySet<keyof Config> = new Set([
  "resourceName",
  "maxDevices",
  "logLevel",
  "enableMetrics",
  "metricsPort",
]);

/** Keys of the chart's `config`, in the table's order. */
export const chartOptionKeys = optionKeys.filter((key) => !SET_BY_CHART.has(key));

/** The lines of `config:` in values.yaml: each option with its sentence and its default; ends with a line break. */
function renderChartValues(): string {
  const blocks = chartOptionKeys.map((key) => {
    const option: Option<unknown> = options[key];
    const { env, description, type } = option;
    // In YAML a switch is a boolean, and the schema takes nothing else.
    const expected = type.schema.type === "boolean" ? "true or false" : type.expected;
    const about = `${description} Expected: ${expected}. [${env}]`;
    const comment = wrap(about, WIDTH - 4).map((line) => `  # ${line}`);
    const setting = `${key}: ${yamlDefault(option)}`;
    return [...comment, SHOWN.has(key) ? `  ${setting}` : `  # ${setting}`].join("\n");
  });
  return `${blocks.join("\n")}\n`;
}

/** `values` with the part between its markers replaced by the present one; undefined if it lacks them. */
export function replaceChartValues(values: string): string | undefined {
  const start = values.indexOf(CHART_OPTIONS_START);
  const end = values.indexOf(CHART_OPTIONS_END);
  if (start < 0 || end < start) return undefined;
  const before = values.slice(0, start + CHART_OPTIONS_START.length);
  return `${before}\n${renderChartValues()}${values.slice(end)}`;
}

/** JSON Schema of the chart's `config`. */
export function chartOptionsSchema(): object {
  const properties = chartOptionKeys.map((key) => {
    const { description, type }: { description: string; type: { schema: ValueSchema } } =
      options[key];
    return [key, { description, ...type.schema }];
  });
  return {
    type: "object",
    additionalProperties: false,
    required: chartOptionKeys.filter((key) => SHOWN.has(key)),
    properties: Object.fromEntries(properties),
  };
}

/** A template with the variable of each key of `config`, and one with the keys of pools; ends with a line break. */
export function renderChartVariables(): string {
  const pairs = chartOptionKeys.map((key) => `- [${key}, ${options[key].env}]`);
  return `{{- /* Rendered by "bun deploy/render-manifests.ts" from src/config/options.ts. */ -}}
{{- define "video-device-plugin.variables" -}}
${pairs.join("\n")}
{{- end }}

{{- define "video-device-plugin.poolOptions" -}}
${chartOptionKeys
  .filter(isPoolKey)
  .map((key) => `- ${key}`)
  .join("\n")}
{{- end }}
`;
}

/** A default as YAML: numbers and booleans as such, everything else in quotes if it needs them. */
function yamlDefault({ default: text, type }: Option<unknown>): string {
  if (type.schema.type === "boolean") return text === "1" || text === "true" ? "true" : "false";
  if (type.schema.type === "integer" || type.schema.type.includes("number")) return text;
  return /^[a-z][\w./-]*$/i.test(text) && !/^(true|false|yes|no|on|off|null)$/i.test(text)
    ? text
    : JSON.stringify(text);
}
