import { Metrics, type MetricsSources } from "../../src/observe/metrics.ts";

/** Metrics of a node without devices, with a test's own `sources`. */
export function makeMetrics(sources: Partial<MetricsSources> = {}): Metrics {
  const deviceIds = sources.devices?.().map(({ id }) => id) ?? [];
  const metrics = new Metrics({ version: "1.2.3", nodeName: "node-a", deviceIds });
  metrics.show({
    devices: () => [],
    reasons: ["missing"],
    registered: () => true,
    standby: () => false,
    activity: () => [],
    relay: () => undefined,
    readyCameras: [],
    cordoned: () => false,
    retired: () => false,
    owners: () => new Map(),
    lagSeconds: () => 0,
    ...sources,
  });
  return metrics;
}
