/** The queries of a dashboard, as Grafana sends them. */

export interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
  readonly datasource?: { readonly uid: string };
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly Target[];
  readonly links?: readonly { readonly url: string }[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
}

export interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly datasource?: { readonly uid: string };
  readonly instant: boolean;
}

export interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly links: readonly { readonly url: string }[];
  readonly templating: { readonly list: readonly Variable[] };
}

export interface DashboardQuery {
  /** Panel and letter of the query. */
  readonly name: string;
  readonly expr: string;
  readonly instant: boolean;
}

/** All queries of all panels, with all values chosen and a rate interval of 10 s. */
export function dashboardQueries({ panels }: Dashboard): DashboardQuery[] {
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ refId, expr, instant }) => ({
      name: `${title} (${refId})`,
      expr: substituted(expr),
      instant,
    })),
  );
}

function substituted(expr: string): string {
  return expr
    .replaceAll("$__rate_interval", "10s")
    .replaceAll("$node", ".+")
    .replaceAll("$device", ".+")
    .replaceAll("$daemonset", ".*video-device-plugin.*")
    .replaceAll("$resource", "meeting_baas_io_video_devices");
}
