import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** Prefix of the program's own metrics. */
export const prefix = "video_device_plugin_";

/** Adds a gauge without labels that is read at each scrape. */
export function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  const metric: Gauge = new Gauge({
    name,
    help,
    registers: [registry],
    collect: () => metric.set(read()),
  });
}

/**
 * Adds a counter. It starts at 0 for every combination of the given label values, so that its rate is right from the
 * first event on.
 */
export function counter<T extends string>(
  registry: Registry,
  name: string,
  help: string,
  labels: { readonly [label in T]: readonly string[] },
): Counter<T> {
  const labelNames = Object.keys(labels) as T[];
  const metric = new Counter<T>({ name: prefix + name, help, labelNames, registers: [registry] });
  for (const set of combinations(labels)) metric.inc(set, 0);
  return metric;
}

/** Adds a histogram without labels; `buckets` in seconds. */
export function histogram(
  registry: Registry,
  name: string,
  help: string,
  buckets: readonly number[],
): Histogram {
  return new Histogram({
    name: prefix + name,
    help,
    buckets: [...buckets],
    registers: [registry],
  });
}

/** All combinations of one value per label. */
function combinations<T extends string>(labels: { readonly [label in T]: readonly string[] }) {
  let sets: Partial<Record<T, string>>[] = [{}];
  for (const [label, values] of Object.entries<readonly string[]>(labels)) {
    sets = sets.flatMap((set) => values.map((value) => ({ ...set, [label]: value })));
  }
  return sets;
}
