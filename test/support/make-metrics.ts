import { Metrics, type MetricsSources } from "../../src/observe/metrics.ts";

/** Metrics of a node without devices, with a test's own `sources`. */
export function makeMetrics(sources: Partial<MetricsSources> = {}): Metrics {
  return new Metrics({
    version: "1.2.3",
    nodeName: "node-a",
    devices: () => [],
    registered: () => true,
    maintenance: () => [],
    cordoned: () => false,
    retired: () => false,
    owners: () => new Map(),
    lagSeconds: () => 0,
    ...sources,
  });
}
