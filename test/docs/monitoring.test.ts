import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { rendered } from "../../deploy/monitoring/render.ts";
import type { Dashboard, Panel } from "../monitoring/dashboard-queries.ts";
import { exposedMetrics } from "../support/exposed-metrics.ts";
import { anchors } from "../support/markdown.ts";

const root = join(import.meta.dir, "../..");
const read = (name: string) => readFileSync(join(root, "deploy/monitoring", name), "utf8");

interface Rules {
  readonly groups: readonly { readonly rules: readonly Alert[] }[];
}

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}

interface RuleTests {
  readonly tests: readonly {
    readonly promql_expr_test?: readonly {
      readonly expr: string;
      readonly exp_samples: readonly unknown[];
    }[];
  }[];
}

const rules = Bun.YAML.parse(read("alerts.yaml")) as Rules;
const alerts = rules.groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read("dashboard.json")) as Dashboard;
const panels = dashboard.panels.filter(({ type }) => type !== "row");
/** The panels of the first row. */
const fleet = dashboard.panels.slice(
  1,
  dashboard.panels.findIndex(({ type }, index) => index > 0 && type === "row"),
);
const queries = [...alerts, ...panels.flatMap(({ targets = [] }) => targets)];

test("rendered files equal their rendering; `bun run docs` fixes them", async () => {
  for (const [name, text] of Object.entries(await rendered())) expect(read(name)).toBe(text);
});

test("the custom resource has all alerts", () => {
  expect(Bun.YAML.parse(read("prometheusrule.yaml"))).toMatchObject({
    kind: "PrometheusRule",
    spec: rules,
  });
});

test("alerts and dashboard query existing metrics", async () => {
  const names = (await exposedMetrics()).map(({ name }) => name);
  const known = new Set(names.flatMap((name) => [name, `${name}_bucket`]));
  const asked = queries.flatMap(({ expr }) => expr.match(/\b(video_device_plugin|process)_\w+/g));
  expect(new Set(asked).size).toBeGreaterThan(20);
  expect(asked.filter((name) => name !== null && !known.has(name))).toEqual([]);
});

describe("each alert", () => {
  const runbook = anchors(readFileSync(join(root, "docs/runbook.md"), "utf8"));
  const tested = (Bun.YAML.parse(read("alerts.test.yaml")) as RuleTests).tests.flatMap(
    (one) => one.promql_expr_test ?? [],
  );

  for (const { alert, expr, for: patience, labels, annotations } of alerts) {
    const cases = tested.filter((one) => one.expr.includes(`"${alert}"`));

    test(`${alert} has a chapter of the runbook`, () => {
      const [path, anchor = ""] = annotations["runbook_url"]?.split("#") ?? [];
      expect(path).toBe("docs/runbook.md");
      expect(runbook).toContain(anchor);
      expect(anchor).toBe(alert.toLowerCase());
    });

    test(`${alert} waits, has a severity, and names the node if it is about one`, () => {
      expect(patience).toMatch(/^\d+[mhd]$/);
      expect(labels.severity).toMatch(/^(critical|warning|info)$/);
      const text = `${annotations["summary"]} ${annotations["description"]}`;
      expect(text.includes("$labels.node")).toBe(expr.includes("group_left (node)"));
    });

    test(`${alert} has a test in which it fires and one in which it doesn't`, () => {
      const fires = (one: (typeof cases)[number]) => one.exp_samples.length > 0;
      expect([cases.some(fires), cases.some((one) => !fires(one))]).toEqual([true, true]);
    });
  }
});

describe("the dashboard", () => {
  test("has a stable address", () => {
    expect(dashboard).toMatchObject({ uid: "video-device-plugin", schemaVersion: 39 });
    expect(dashboard).not.toContainAnyKeys(["__inputs", "__requires", "id"]);
  });

  test("has panels with unique IDs that don't overlap and fit the screen", () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const pairs = dashboard.panels.flatMap((one, index) =>
      dashboard.panels.slice(index + 1).map((other) => [one, other] as const),
    );
    expect(pairs.filter(([one, other]) => overlap(one, other))).toEqual([]);
    expect(dashboard.panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
  });

  test("has a description and a unit for each panel", () => {
    for (const { title, description, fieldConfig } of panels) {
      expect(title).not.toBe("");
      expect(description).toMatch(/\.$/);
      expect(fieldConfig?.defaults.unit).toMatch(/./);
    }
  });

  test("queries only the chosen data source", () => {
    const sources = [
      ...panels,
      ...panels.flatMap(({ targets = [] }) => targets),
      ...dashboard.templating.list.filter(({ type }) => type === "query"),
    ].map(({ datasource }) => datasource?.uid);
    expect(new Set(sources)).toEqual(new Set([`\${datasource}`]));
    expect(dashboard.templating.list[0]).toMatchObject({ name: "datasource", type: "datasource" });
  });

  test("links panels to chapters that the runbook has, at the address in a variable", () => {
    const runbook = anchors(readFileSync(join(root, "docs/runbook.md"), "utf8"));
    const address = "$" + "{runbook:raw}";
    const urls = panels.flatMap(({ links = [] }) => links.map(({ url }) => url));
    expect(urls.length).toBeGreaterThan(10);
    for (const url of urls) {
      const [before, anchor = ""] = url.split("#");
      expect(before).toBe(address);
      expect(runbook).toContain(anchor);
    }
    expect(dashboard.links).toMatchObject([{ url: address }]);
    expect(dashboard.templating.list).toContainEqual(
      expect.objectContaining({ name: "runbook", type: "textbox", query: "docs/runbook.md" }),
    );
  });

  test("begins with all nodes, whatever is chosen", () => {
    expect(dashboard.panels[0]).toMatchObject({ type: "row", title: "All nodes" });
    expect(fleet.length).toBeGreaterThan(6);
    for (const { expr } of fleet.flatMap(({ targets = [] }) => targets)) {
      expect(expr).not.toMatch(/\$(node|device)\b/);
    }
  });

  test("shows in the other rows only the chosen nodes and devices", () => {
    const others = panels.filter((panel) => !fleet.includes(panel));
    for (const { expr } of others.flatMap(({ targets = [] }) => targets)) {
      expect(expr).toContain('{node=~"$node"}');
      if (/device_(healthy|in_use|clean|cordoned|owner)/.test(expr)) {
        expect(expr).toContain('{device=~"$device"}');
      }
    }
  });
});

function overlap({ gridPos: one }: Panel, { gridPos: other }: Panel): boolean {
  const across = one.x < other.x + other.w && other.x < one.x + one.w;
  return across && one.y < other.y + other.h && other.y < one.y + one.h;
}
