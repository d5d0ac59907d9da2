import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import Ajv from "ajv";
import { YAML } from "bun";
import fc from "fast-check";
import { chartDir, renderChartFiles } from "../../deploy/manifests/chart.ts";
import { chartOptionKeys, chartOptionsSchema } from "../../deploy/manifests/chart-options.ts";
import packageJson from "../../package.json" with { type: "json" };
import { optionKeys, options } from "../../src/config/options.ts";
import { tableRows } from "../support/markdown.ts";

const ajv = new Ajv({ strict: true, allowUnionTypes: true });
const isConfig = ajv.compile(chartOptionsSchema());
const effects = { lookupGroup: (name: string) => (name === "video" ? 44 : undefined) };

const values = YAML.parse(await Bun.file(join(chartDir, "values.yaml")).text()) as {
  config: Record<string, unknown>;
};

test("the chart's options and alerts equal their rendering", async () => {
  for (const { path, text } of await renderChartFiles()) {
    expect(await Bun.file(path).text()).toBe(text);
  }
});

test("the chart's version is the program's", async () => {
  const chart = YAML.parse(await Bun.file(join(chartDir, "Chart.yaml")).text());
  expect(chart).toMatchObject({ version: packageJson.version, appVersion: packageJson.version });
});

test("values.yaml sets only the program's defaults, and the schema allows them", () => {
  expect(isConfig(values.config)).toBe(true);
  for (const key of chartOptionKeys.filter((key) => key in values.config)) {
    const { type, default: text } = options[key];
    expect(type.parse(String(values.config[key]), effects)).toEqual(type.parse(text, effects));
  }
});

test("each option is set by the chart itself or in its config, with its default as a comment", async () => {
  const text = await Bun.file(join(chartDir, "values.yaml")).text();
  for (const key of optionKeys) {
    const isSettable = chartOptionKeys.includes(key);
    expect([key, new RegExp(`^ {2}(# )?${key}: `, "m").test(text)]).toEqual([key, isSettable]);
  }
});

test("a switch is documented as true or false, since the schema rejects 1", async () => {
  const text = await Bun.file(join(chartDir, "values.yaml")).text();
  for (const key of chartOptionKeys.filter((one) => options[one].type.schema.type === "boolean")) {
    const before = text.slice(0, text.search(new RegExp(`^ {2}(# )?${key}: `, "m")));
    const comment = before.replace(/\n {2}# /g, " ");
    expect([key, comment.slice(comment.lastIndexOf("Expected: "))]).toEqual([
      key,
      expect.stringMatching(/^Expected: true or false\. \[/),
    ]);
  }
});

test("the chart's README names every value", async () => {
  const table = tableRows(await Bun.file(join(chartDir, "README.md")).text(), "value");
  const named = table.flatMap(([names = ""]) =>
    [...names.matchAll(/`(\w+)/g)].map(([, key = ""]) => key),
  );
  expect([...new Set(named)].sort()).toEqual(Object.keys(values).sort());
});

describe("the schema", () => {
  const config = (more: object) => isConfig({ ...values.config, ...more });

  test.each([
    { maxDevices: 0 },
    { maxDevices: 300 },
    { maxDevices: "8" },
    { logLevel: "loud" },
    { resourceName: "cameras" },
    { resourceName: "example.kubernetes.io/cameras" },
    { resourceName: "requests.example.com/cameras" },
    { resourceName: "Example.com/cameras" },
    { v4l2DevicePerm: 438 },
    { v4l2DevicePerm: "1777" },
    { containerDevicePath: "/dev/video" },
    { containerDeviceEnv: "VIDEO-DEVICE" },
    { containerDeviceEnv: "VIDEO_DEVICES" },
    { containerDeviceEnv: "LD_PRELOAD" },
    { metricsAddress: "localhost" },
    { nfdFeaturesDir: "features.d" },
    { readySize: "1280x721" },
    { readyIdleTime: 0 },
    { readyPlaceholder: "logo.png" },
    { containerFeedPath: "/dev/video{index}" },
    { maxDevice: 8 },
    { nodeName: "node-1" },
  ])("refuses %j", (more) => expect(config(more)).toBe(false));

  test.each([
    { maxDevices: 246 },
    { v4l2DeviceGroup: 44 },
    { v4l2DeviceGroup: "video" },
    { v4l2ExclusiveCaps: false },
    { nfdFeaturesDir: "" },
    { metricsAddress: "::" },
    { containerDevicePath: "/dev/video{index}" },
    { containerDeviceEnv: "PATHFINDER" },
    { readyIdleTime: 0.5 },
    // as of --set
    { readyIdleTime: "0.5" },
    { readyPlaceholder: "#1d3557" },
    { containerFeedPath: "/dev/feed{index}" },
    { resourceName: "example.com/Cameras_2" },
  ])("takes %j", (more) => expect(config(more)).toBe(true));

  test("accepts what the program accepts, as a value of the option's type", () => {
    const text = fc.oneof(
      fc.integer({ min: -5, max: 9000 }).map(String),
      fc.string(),
      fc.constantFrom("true", "0666", "/dev/{n}", "a.b/c", "info", "json", "10.0.0.1", "::1", "/x"),
    );
    fc.assert(
      fc.property(fc.constantFrom(...chartOptionKeys), text, (key, given) => {
        const { type } = options[key];
        const value = asYaml(type.schema.type, given);
        if (value === undefined || !type.parse(given, effects).ok) return;
        expect([key, value, config({ [key]: value })]).toEqual([key, value, true]);
      }),
      { numRuns: 2000 },
    );
  });
});

/** The YAML value for `text`; undefined for values that only a command line accepts: INFO, 30s, 1 for yes. */
function asYaml(type: unknown, text: string): unknown {
  if (text !== text.toLowerCase()) return undefined;
  if (type === "integer") return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  if (type === "boolean") return { true: true, false: false }[text];
  return text;
}
