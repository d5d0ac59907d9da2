import { Metrics, type MetricsSources, type PoolSources } from "../../src/observe/metrics.ts";

const quiet: PoolSources = {
  devices: () => [],
  reasons: ["missing"],
  registered: () => true,
  activity: () => [],
  relay: () => undefined,
  readyCameras: [],
  cordoned: () => false,
  retired: () => false,
  owners: () => new Map(),
};

/** Metrics of a node with one pool without devices, with a test's own `sources`. */
export function makeMetrics(sources: Partial<PoolSources & MetricsSources> = {}): Metrics {
  return metricsOf({ "meeting-baas.io/video-devices": sources }, sources);
}

/** Metrics of a node with these pools, by resource name. */
export function metricsOf(
  pools: Readonly<Record<string, Partial<PoolSources>>>,
  sources: Partial<MetricsSources> = {},
): Metrics {
  const metrics = new Metrics({
    ...{ version: "1.2.3", nodeName: "node-a" },
    pools: Object.entries(pools).map(([resourceName, { devices }]) => {
      return { resourceName, deviceIds: devices?.().map(({ id }) => id) ?? [] };
    }),
  });
  metrics.show(
    { standby: () => false, lagSeconds: () => 0, ...sources },
    Object.values(pools).map((pool) => ({ ...quiet, ...pool })),
  );
  return metrics;
}
