/** The part of Grafana's dashboard model that the dashboard uses, and the layout of panels. */

/** Grafana's IDs of units. */
export type Unit = "short" | "s" | "bytes" | "percentunit" | "none" | "dateTimeFromNow" | "cps";

export interface Query {
  readonly expr: string;
  /** Name of the series, with `{{label}}`s; default `{{node}}`. */
  readonly legend?: string;
  /** Default `range`; `table` queries the current value, with the labels as columns. */
  readonly as?: "range" | "instant" | "table" | "heatmap";
}

/** Text and colour shown instead of a number. */
export interface ValueName {
  readonly text: string;
  readonly color: string;
}

/** A panel; its position follows from its place among the others. */
export interface PanelSpec {
  readonly type: "stat" | "table" | "timeseries" | "state-timeline" | "heatmap";
  readonly title: string;
  /** What the panel shows and how to read it, for its "i". */
  readonly description: string;
  readonly unit: Unit;
  readonly queries: readonly Query[];
  /** Width in 24ths of the screen. */
  readonly width: number;
  /** Height in Grafana's rows of 30 px. */
  readonly height: number;
  /** Colour of the value from each threshold on; default green throughout. */
  readonly thresholds?: readonly { readonly from: number; readonly color: string }[];
  readonly names?: Readonly<Record<number, ValueName>>;
  /** For a table: names of the columns by label; `Value #A` is the first query's. Other labels have no column. */
  readonly columns?: Readonly<Record<string, string>>;
  readonly stacked?: boolean;
  /** The chapter of the runbook that says what to do: its anchor. */
  readonly runbook?: string;
}

export interface RowSpec {
  readonly title: string;
  readonly panels: readonly PanelSpec[];
}

const gridWidth = 24;

/** The data source of every panel and query: the one that the dashboard's variable names. */
export const dataSource = { type: "prometheus", uid: `\${datasource}` } as const;

/** Rows of panels from top to bottom, panels from left to right, with IDs in that order. */
export function layOut(rows: readonly RowSpec[]): object[] {
  const panels: object[] = [];
  let y = 0;
  for (const { title, panels: specs } of rows) {
    const id = panels.length + 1;
    const gridPos = { x: 0, y, w: gridWidth, h: 1 };
    panels.push({ id, type: "row", title, collapsed: false, gridPos, panels: [] });
    y++;
    let x = 0;
    let lineHeight = 0;
    for (const spec of specs) {
      if (x + spec.width > gridWidth) {
        x = 0;
        y += lineHeight;
        lineHeight = 0;
      }
      panels.push(panel(spec, panels.length + 1, { x, y, w: spec.width, h: spec.height }));
      x += spec.width;
      lineHeight = Math.max(lineHeight, spec.height);
    }
    y += lineHeight;
  }
  return panels;
}

/** A link to a chapter of the runbook at the address in the dashboard's variable, in a new tab. */
export function runbookLink(anchor = ""): object {
  const url = `\${runbook:raw}${anchor && `#${anchor}`}`;
  return { title: "Runbook", url, targetBlank: true };
}

function panel(spec: PanelSpec, id: number, gridPos: object): object {
  const { type, title, description, unit, queries } = spec;
  return {
    ...{ id, type, title, description, datasource: dataSource, gridPos },
    links: spec.runbook === undefined ? [] : [runbookLink(spec.runbook)],
    targets: queries.map((query, index) => target(query, index)),
    fieldConfig: {
      defaults: {
        unit,
        color: { mode: type === "timeseries" ? "palette-classic" : "thresholds" },
        thresholds: {
          mode: "absolute",
          steps: [
            { color: "green", value: null },
            ...(spec.thresholds ?? []).map(({ from, color }) => ({ color, value: from })),
          ],
        },
        mappings: mappings(spec.names),
        ...(type === "timeseries" ? { custom: lines(spec.stacked ?? false), min: 0 } : {}),
        ...(type === "state-timeline" ? { custom: { fillOpacity: 80, lineWidth: 0 } } : {}),
      },
      overrides: [],
    },
    options: options(type),
    ...(spec.columns === undefined ? {} : { transformations: columns(spec.columns) }),
  };
}

function target({ expr, legend = "{{node}}", as = "range" }: Query, index: number): object {
  return {
    refId: String.fromCharCode("A".charCodeAt(0) + index),
    datasource: dataSource,
    expr,
    legendFormat: as === "heatmap" ? "{{le}}" : legend,
    format: as === "table" || as === "heatmap" ? as : "time_series",
    instant: as === "table" || as === "instant",
    range: as === "range" || as === "heatmap",
  };
}

function mappings(names: PanelSpec["names"]): object[] {
  if (names === undefined) return [];
  const named = Object.entries(names).map(([value, name], index) => [value, { ...name, index }]);
  return [{ type: "value", options: Object.fromEntries(named) }];
}

function lines(stacked: boolean): object {
  return {
    drawStyle: "line",
    lineInterpolation: "stepAfter",
    lineWidth: 1,
    fillOpacity: stacked ? 40 : 10,
    showPoints: "never",
    stacking: { mode: stacked ? "normal" : "none", group: "A" },
  };
}

function options(type: PanelSpec["type"]): object {
  const legend = { displayMode: "list", placement: "bottom", showLegend: true, calcs: [] };
  switch (type) {
    case "stat":
      return {
        colorMode: "value",
        graphMode: "none",
        textMode: "value",
        reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
      };
    case "table":
      return { showHeader: true, cellHeight: "sm", sortBy: [] };
    case "timeseries":
      return { legend, tooltip: { mode: "multi", sort: "desc" } };
    case "state-timeline":
      return { legend, mergeValues: true, rowHeight: 0.9, showValue: "never" };
    case "heatmap":
      return {
        calculate: false,
        cellGap: 1,
        color: {
          mode: "scheme",
          scheme: "Oranges",
          fill: "dark-orange",
          steps: 64,
          exponent: 0.5,
          reverse: false,
        },
        filterValues: { le: 1e-9 },
        rowsFrame: { layout: "auto" },
        yAxis: { unit: "s", axisPlacement: "left" },
        legend: { show: true },
        tooltip: { mode: "single", yHistogram: false },
      };
  }
}

/** One table of all queries, with these columns in this order. */
function columns(names: Readonly<Record<string, string>>): object[] {
  const order = Object.keys(names);
  return [
    { id: "merge", options: {} },
    { id: "filterFieldsByName", options: { include: { names: order } } },
    {
      id: "organize",
      options: {
        excludeByName: {},
        indexByName: Object.fromEntries(order.map((name, index) => [name, index])),
        renameByName: names,
      },
    },
  ];
}
