import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** What the names of the program's own metrics begin with. */
export const prefix = "video_device_plugin_";

/** A gauge without labels, read when it is shown. */
export function gauge(registry: Registry, name: string, help: string, read: () => number): void {
  const metric: Gauge = new Gauge({
    name,
    help,
    registers: [registry],
    collect: () => metric.set(read()),
  });
}

/**
 * A counter. Its labels have the given values from the start, in every combination, so that its rate is known
 * from the first event on.
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

/** A histogram without labels; `buckets` in seconds. */
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

/** Every set of labels with one value each. */
function combinations<T extends string>(labels: { readonly [label in T]: readonly string[] }) {
  let sets: Partial<Record<T, string>>[] = [{}];
  for (const [label, values] of Object.entries<readonly string[]>(labels)) {
    sets = sets.flatMap((set) => values.map((value) => ({ ...set, [label]: value })));
  }
  return sets;
}
