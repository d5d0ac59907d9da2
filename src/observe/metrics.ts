import { Gauge, Registry } from "prom-client";
import { type DeviceSources, deviceMetrics } from "./metrics/device-metrics.ts";
import { eventMetrics } from "./metrics/event-metrics.ts";
import { gauge, type PoolLabels, poolGauge, prefix } from "./metrics/make-metrics.ts";
import { memoryMetrics, processMetrics } from "./metrics/process-metrics.ts";
import { relayMetrics } from "./metrics/relay-metrics.ts";
import { PoolMetrics } from "./pool-metrics.ts";
import { type ThrottleLimits, throttle } from "./throttle.ts";

export interface MetricsOptions {
  readonly version: string;
  readonly nodeName: string;
  /** At least one. The series of several have the label `resource`; those of the only one don't. */
  readonly pools: readonly {
    readonly resourceName: string;
    /** IDs of all devices. */
    readonly deviceIds: readonly string[];
  }[];
}

/** What the gauges of one pool read when they are scraped. */
export interface PoolSources extends Omit<DeviceSources, "labels"> {
  readonly registered: () => boolean;
  /** IDs of the devices that are ready cameras. */
  readonly readyCameras: readonly string[];
  /** How many real devices the config file expects, 0 if it expects none; absent for a pool of other devices. */
  readonly expected?: () => number;
}

/** What the gauges of the process read when they are scraped. */
export interface MetricsSources {
  readonly standby: () => boolean;
  /** Longest delay of a timer in the last minute, seconds. */
  readonly lagSeconds: () => number;
  /** What a start would make of the config file now; absent without a file. */
  readonly configFile?: () => { readonly problems: number; readonly needsRestart: boolean };
}

export interface Exposition {
  readonly body: string;
  readonly contentType: string;
}

/** Rendering takes 1 ms with 8 devices and 10 ms with 246; no Allocate is answered meanwhile. */
const renderLimits: ThrottleLimits = { windowMs: 200, fresh: 1 };

/**
 * The metrics of `/metrics`. Events are counted from the start on, those of pools by {@link pools}; gauges read their
 * sources at each scrape, from {@link show} on.
 */
export class Metrics {
  /** In the order of the options. */
  readonly pools: readonly PoolMetrics[];
  readonly #registry = new Registry();
  readonly #process: PoolMetrics;
  readonly #labels: readonly PoolLabels[];

  constructor({ version, nodeName, pools }: MetricsOptions) {
    const registry = this.#registry;
    new Gauge({
      name: `${prefix}build_info`,
      help: "Always 1; the labels have the version and the node.",
      labelNames: ["version", "node"],
      registers: [registry],
    }).set({ version, node: nodeName }, 1);
    const labels = pools.map(({ resourceName: resource }): PoolLabels => {
      return pools.length > 1 ? { resource } : {};
    });
    const named = pools.map((pool, at) => ({ ...pool, labels: labels[at] ?? {} }));
    const events = eventMetrics(registry, named);
    const counted = named.map((pool) => ({
      labels: pool.labels,
      metrics: new PoolMetrics(events, pool.labels),
    }));
    poolGauge(
      registry,
      `${prefix}last_inspection_timestamp_seconds`,
      "Time of the last inspection of the devices, Unix time; 0 before the first one.",
      counted,
      ({ metrics }) => metrics.inspectedAt / 1000,
    );
    this.pools = counted.map(({ metrics }) => metrics);
    this.#process = new PoolMetrics(events, {});
    this.#labels = labels;
    processMetrics(registry);
    memoryMetrics(registry);
  }

  /** Adds the gauges. @param pools In the order of the options. */
  show(sources: MetricsSources, pools: readonly PoolSources[]): void {
    const registry = this.#registry;
    const named = pools.map((pool, at) => ({ ...pool, labels: this.#labels[at] ?? {} }));
    deviceMetrics(registry, named);
    const ready = named.filter(({ readyCameras }) => readyCameras.length > 0);
    if (ready.length > 0) relayMetrics(registry, ready);
    const expecting = named.filter(({ expected }) => expected !== undefined);
    if (expecting.length > 0) {
      poolGauge(
        registry,
        `${prefix}expected_devices`,
        "Real devices that the config file expects of the pool.",
        expecting,
        ({ expected }) => expected?.() || undefined,
      );
    }
    poolGauge(
      registry,
      `${prefix}registered`,
      "1 if the plugin is registered with the kubelet.",
      named,
      ({ registered }) => (registered() ? 1 : 0),
    );
    gauge(
      registry,
      `${prefix}standby`,
      "1 while another instance serves the resource on the node, and this one waits for its end.",
      () => (sources.standby() ? 1 : 0),
    );
    gauge(
      registry,
      `${prefix}event_loop_lag_seconds`,
      "Longest delay of a timer in the last minute.",
      sources.lagSeconds,
    );
    const { configFile } = sources;
    if (configFile !== undefined) configFileMetrics(registry, configFile);
  }

  /** Makes the restarts of a part of the program count from 0, of one that no pool has for itself. */
  actorStarted(actor: string): void {
    this.#process.actorStarted(actor);
  }

  actorRestarted(actor: string): void {
    this.#process.actorRestarted(actor);
  }

  /** Renders the exposition; at most 200 ms old. */
  readonly render = throttle(async (): Promise<Exposition> => {
    const { contentType } = this.#registry;
    return { body: await this.#registry.metrics(), contentType };
  }, renderLimits);
}

function configFileMetrics(
  registry: Registry,
  read: NonNullable<MetricsSources["configFile"]>,
): void {
  gauge(
    registry,
    `${prefix}config_file_mistakes`,
    "Mistakes in the config file as it is now; the plugin goes on with the configuration that it has.",
    () => read().problems,
  );
  gauge(
    registry,
    `${prefix}config_file_needs_restart`,
    "1 if the config file is valid and has changes that only a restart applies.",
    () => (read().needsRestart ? 1 : 0),
  );
}
