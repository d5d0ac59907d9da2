import type { AdminActions } from "../admin/admin-service.ts";
import { runAdmin } from "../admin/run-admin.ts";
import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import type { WallClock } from "../common/wall-clock.ts";
import type { Config } from "../config/config.ts";
import { explainWait } from "../device-plugin/explain-registration.ts";
import type { CordonStore } from "../devices/cordon/cordon-store.ts";
import type { Maintenance } from "../devices/maintenance/maintenance.ts";
import { buildStatus, type PoolStatusSources } from "../observe/build-status.ts";
import {
  devicesCheck,
  eventLoopCheck,
  inSentences,
  monitorCheck,
  standbyDevicesCheck,
} from "../observe/checks.ts";
import type { EventLoopLag } from "../observe/event-loop-lag.ts";
import type { Journal } from "../observe/journal.ts";
import { changeLogLevel, type LogLevelControl } from "../observe/log-level.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Check, ProbeSources } from "../observe/probes.ts";
import { redactStatus } from "../observe/redact-status.ts";
import { runHttp } from "../observe/run-http.ts";
import type { Pool } from "./pool.ts";
import type { Pools } from "./pools.ts";
import type { RestartTracker } from "./restart-tracker.ts";

/** The parts that are shown and operated. */
export interface OperatedParts {
  readonly pools: Pools;
  readonly cordons: CordonStore;
  readonly restarts: RestartTracker;
  readonly lag: EventLoopLag;
  readonly metrics: Metrics;
  readonly journal: Journal;
  readonly logLevel: LogLevelControl;
  readonly log: Logger;
  readonly clock: Clock;
  readonly wall: WallClock;
  readonly random: () => number;
  readonly version: string;
}

/** How a plugin is shown and operated: its status, actions and probes, and the servers for them. */
export class Operations {
  readonly #config: Config;
  readonly #parts: OperatedParts;
  readonly #startedAt: number;

  constructor(config: Config, parts: OperatedParts) {
    this.#config = config;
    this.#parts = parts;
    this.#startedAt = parts.clock.now();
  }

  /** What the admin API can do. */
  readonly actions: AdminActions = {
    status: () => {
      const { version, pools, cordons, wall, journal, logLevel } = this.#parts;
      const { nodeName } = this.#config;
      return buildStatus({
        ...{ version, nodeName, wall },
        startedAt: this.#startedAt,
        cordons: () => cordons.cordons,
        events: () => journal.events(),
        logLevel: () => logLevel.level,
        pools: pools.all.map((pool) => this.#statusOf(pool)),
      });
    },
    subscribe: (listener) => {
      const { pools, journal } = this.#parts;
      const ends = pools.all.map(({ devices }) => devices.inventory.subscribe(listener));
      ends.push(journal.subscribe(listener));
      return () => {
        for (const end of ends) end();
      };
    },
    reset: async (id, options) => {
      await this.#maintenanceOf(id).operate("reset", id, options);
    },
    repair: async (id, options) => this.#maintenanceOf(id).operate("repair", id, options),
    cordon: async (id, note) => {
      this.#parts.pools.serving(id);
      await this.#parts.cordons.cordon(id, note);
    },
    uncordon: async (id) => {
      this.#parts.pools.serving(id);
      return this.#parts.cordons.uncordon(id);
    },
    setLogLevel: (level) =>
      changeLogLevel(this.#parts.logLevel, this.#parts.log, level, "the admin API"),
  };

  /** What the probes check. */
  readonly probes: ProbeSources = {
    live: () => [
      { name: "ping", failure: undefined },
      eventLoopCheck(this.#parts.lag.now),
      ...this.#eachPool(({ devices }) => [monitorCheck(devices.queue.busy())]),
      this.#parts.restarts.check(),
    ],
    ready: () => {
      const isStandby = this.#parts.pools.standby() !== undefined;
      return [
        { name: "ping", failure: undefined },
        ...(isStandby ? [{ name: "standby", failure: undefined }] : []),
        ...this.#eachPool((pool) => (isStandby ? standbyChecks(pool) : this.#readyChecks(pool))),
      ];
    },
  };

  /** The checks of all pools; the names of several have the pool's: `devices of webcams`. */
  #eachPool(checksOf: (pool: Pool) => readonly Check[]): Check[] {
    const { all } = this.#parts.pools;
    return all.flatMap((pool) =>
      checksOf(pool).map((check) => {
        return all.length > 1 ? { ...check, name: `${check.name} of ${pool.name}` } : check;
      }),
    );
  }

  #readyChecks(pool: Pool): Check[] {
    const { registered, reason } = this.#parts.pools.registration(pool);
    const failure = registered ? undefined : reason;
    const { inventory, monitor } = pool.devices;
    return [
      { name: "registered", failure, detail: this.#registrationDetail(pool) },
      devicesCheck(inventory.list(), monitor.trouble),
    ];
  }

  /** Serves the admin API until `signal` aborts. */
  async runAdmin(signal: AbortSignal): Promise<void> {
    const { actions, probes } = this;
    const onServing = () => this.#parts.cordons.reload();
    await runAdmin(
      this.#config.adminSocket,
      { ...this.#parts, actions, probes, onServing },
      signal,
    );
  }

  /** Serves metrics and probes on TCP until `signal` aborts. */
  runHttp(signal: AbortSignal): Promise<void> {
    const { metricsAddress: address, metricsPort: port, metricsOwners } = this.#config;
    const { actions } = this;
    const status = metricsOwners ? actions.status : () => redactStatus(actions.status());
    return runHttp({ address, port }, { ...this.#parts, probes: this.probes, status }, signal);
  }

  #statusOf(pool: Pool): PoolStatusSources {
    const { devices, driver } = pool;
    return {
      ...{ name: pool.name, resourceName: pool.resourceName, driver: driver.name },
      devices: () => devices.inventory.list(),
      activity: () => devices.activity(),
      relay: () => driver.relay(),
      registration: () => this.#parts.pools.registration(pool),
      registrationDetail: () => this.#registrationDetail(pool),
      devicesDetail: () => {
        const { trouble } = devices.monitor;
        return trouble === undefined ? "" : inSentences(trouble);
      },
      podResources: pool.podResources,
      otherOffers: () => pool.otherOffers(),
    };
  }

  /** Why the kubelet doesn't listen and what to do; empty if it does, or if there is no more to say. */
  #registrationDetail(pool: Pool): string {
    const { pools } = this.#parts;
    const standby = pools.explainStandby();
    if (standby !== undefined) return inSentences(standby);
    const { registered, reason } = pools.registration(pool);
    const why = registered ? undefined : explainWait(reason, this.#config.kubeletSocket);
    return why === undefined ? "" : inSentences(why);
  }

  /** @throws PluginError `standby`, `device_unknown`. */
  #maintenanceOf(id: string): Pick<Maintenance, "operate"> {
    return this.#parts.pools.serving(id).devices.maintenance;
  }
}

/**
 * The check of the devices is what stops a rollout at a node where this version can't work. A pool that no other instance
 * serves may have none yet.
 */
function standbyChecks({ devices, driver, takeOver }: Pool): Check[] {
  if (takeOver.standby() === undefined) return [];
  return [standbyDevicesCheck(devices.inventory.list(), (device) => driver.canFix(device))];
}
