import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** Prefix of the program's own metrics. */
export const prefix = "video_device_plugin_";

/** The labels by which the series of several pools differ; empty if there is only one pool. */
export interface PoolLabels {
  readonly resource?: string;
}

/** Adds a gauge without labels that is read at each scrape. */
export function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  poolGauge(registry, name, help, [{ labels: {} }], read);
}

/** Adds a gauge with a series for each pool, read at each scrape; undefined leaves the series out. */
export function poolGauge<P extends { readonly labels: PoolLabels }>(
  registry: Registry,
  name: string,
  help: string,
  pools: readonly P[],
  read: (pool: P) => number | undefined,
): void {
  const metric: Gauge<"resource"> = new Gauge({
    ...{ name, help, labelNames: ["resource"], registers: [registry] },
    collect: () => {
      for (const pool of pools) {
        const value = read(pool);
        if (value === undefined) metric.remove(pool.labels);
        else metric.set(pool.labels, value);
      }
    },
  });
}

/**
 * Adds a counter. It starts at 0 for every combination of the given label values, so that its rate is right from the
 * first event on.
 *
 * @param series The label values; one entry for each pool where they differ.
 */
export function counter<T extends string>(
  registry: Registry,
  name: string,
  help: string,
  ...series: readonly { readonly [label in T]: readonly string[] }[]
): Counter<T> {
  const labelNames = [...new Set(series.flatMap((labels) => Object.keys(labels)))] as T[];
  const metric = new Counter<T>({ name: prefix + name, help, labelNames, registers: [registry] });
  for (const labels of series) for (const set of combinations(labels)) metric.inc(set, 0);
  return metric;
}

/** Adds a histogram with a series for each pool; `buckets` in seconds. */
export function histogram(
  registry: Registry,
  name: string,
  help: string,
  buckets: readonly number[],
  pools: readonly PoolLabels[],
): Histogram<"resource"> {
  const metric = new Histogram<"resource">({
    ...{ name: prefix + name, help, labelNames: ["resource"], registers: [registry] },
    buckets: [...buckets],
  });
  for (const labels of pools) metric.zero(labels);
  return metric;
}

/** All combinations of one value per label. */
function combinations<T extends string>(labels: { readonly [label in T]: readonly string[] }) {
  let sets: Partial<Record<T, string>>[] = [{}];
  for (const [label, values] of Object.entries<readonly string[]>(labels)) {
    sets = sets.flatMap((set) => values.map((value) => ({ ...set, [label]: value })));
  }
  return sets;
}
