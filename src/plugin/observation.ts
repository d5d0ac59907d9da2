import type { AdminActions } from "../admin/admin-service.ts";
import { runAdmin } from "../admin/run-admin.ts";
import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { WallClock } from "../common/wall-clock.ts";
import type { Config } from "../config/config.ts";
import { explainWait } from "../device-plugin/explain-registration.ts";
import type { Registrar } from "../device-plugin/registrar.ts";
import { CordonFile } from "../devices/cordon/cordon-file.ts";
import { CordonStore } from "../devices/cordon/cordon-store.ts";
import type { Inventory } from "../devices/inventory/inventory.ts";
import type { Maintenance } from "../devices/maintenance/maintenance.ts";
import type { DeviceMonitor } from "../devices/maintenance/monitor.ts";
import type { VideoDriver } from "../drivers/driver.ts";
import { buildStatus, type PodResourcesView } from "../observe/build-status.ts";
import { devicesCheck, eventLoopCheck, inSentences, monitorCheck } from "../observe/checks.ts";
import { EventLoopLag } from "../observe/event-loop-lag.ts";
import type { Journal } from "../observe/journal.ts";
import { changeLogLevel, type LogLevelControl } from "../observe/log-level.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { ProbeSources } from "../observe/probes.ts";
import { redactStatus } from "../observe/redact-status.ts";
import { runHttp } from "../observe/run-http.ts";
import { RestartTracker } from "./restart-tracker.ts";

/** The parts that are looked at and operated. */
export interface ObservedParts {
  readonly driver: Pick<VideoDriver, "name">;
  readonly pool: Inventory;
  readonly monitor: DeviceMonitor;
  readonly maintenance: Maintenance;
  readonly registrar: Pick<Registrar, "status">;
  readonly podResources: PodResourcesView;
  readonly metrics: Metrics;
  readonly journal: Journal;
  readonly logLevel: LogLevelControl;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  readonly version: string;
}

/** How a plugin is seen and operated: its status, the cordons, the probes, and who serves them. */
export class Observation {
  readonly cordons: CordonStore;
  readonly actors: RestartTracker;
  readonly lag: EventLoopLag;
  readonly #config: Config;
  readonly #parts: ObservedParts;
  readonly #startedAt: number;
  readonly #wall: WallClock;

  constructor(config: Config, parts: ObservedParts) {
    const { pool, clock, log, monitor } = parts;
    this.#config = config;
    this.#parts = parts;
    this.#startedAt = clock.now();
    this.#wall = new WallClock(clock);
    this.actors = new RestartTracker(clock);
    this.lag = new EventLoopLag(clock);
    this.cordons = new CordonStore({
      pool,
      clock,
      wall: this.#wall,
      log,
      file: new CordonFile(config.stateDir),
      inspect: () => monitor.inspect(),
    });
  }

  /** What the admin API can be asked and told. */
  readonly actions: AdminActions = {
    status: () => {
      const { version, driver, pool, maintenance, registrar, podResources } = this.#parts;
      const { nodeName, resourceName } = this.#config;
      return buildStatus({
        version,
        nodeName,
        resourceName,
        driver: driver.name,
        startedAt: this.#startedAt,
        wall: this.#wall,
        devices: () => pool.list(),
        maintenance: () => maintenance.status(),
        cordons: () => this.cordons.book,
        registration: () => registrar.status(),
        registrationDetail: () => this.#unregistered(),
        podResources,
        events: () => this.#parts.journal.events(),
        logLevel: () => this.#parts.logLevel.level,
      });
    },
    subscribe: (listener) => {
      const ends = [this.#parts.pool.subscribe(listener), this.#parts.journal.subscribe(listener)];
      return () => {
        for (const end of ends) end();
      };
    },
    reset: (id, options) => this.#parts.maintenance.operate("reset", id, options),
    repair: (id, options) => this.#parts.maintenance.operate("repair", id, options),
    cordon: (id, note) => this.cordons.cordon(id, note),
    uncordon: (id) => this.cordons.uncordon(id),
    setLogLevel: (level) =>
      changeLogLevel(this.#parts.logLevel, this.#parts.log, level, "the admin API"),
  };

  /** What the probes ask. */
  readonly probes: ProbeSources = {
    live: () => [
      { name: "ping", failure: undefined },
      eventLoopCheck(this.lag.now),
      monitorCheck(this.#parts.monitor.busy()),
      this.actors.check(),
    ],
    ready: () => {
      const { registered, reason } = this.#parts.registrar.status();
      return [
        { name: "ping", failure: undefined },
        {
          name: "registered",
          failure: registered ? undefined : reason,
          detail: this.#unregistered(),
        },
        devicesCheck(this.#parts.pool.list(), this.#parts.monitor.trouble),
      ];
    },
  };

  /** Serves the admin API until `signal` aborts. */
  async runAdmin(signal: AbortSignal): Promise<void> {
    const deps = {
      ...this.#parts,
      actions: this.actions,
      probes: this.probes,
      onServing: () => this.cordons.reload(),
    };
    await runAdmin(this.#config.adminSocket, deps, signal);
  }

  /** Serves metrics and probes on TCP until `signal` aborts. */
  runHttp(signal: AbortSignal): Promise<void> {
    const { metricsAddress: address, metricsPort: port, metricsOwners } = this.#config;
    const { actions } = this;
    const status = metricsOwners ? actions.status : () => redactStatus(actions.status());
    return runHttp({ address, port }, { ...this.#parts, probes: this.probes, status }, signal);
  }

  /** Why the kubelet doesn't listen to us and what to do; empty if it does, or if there is no more to say. */
  #unregistered(): string {
    const { registered, reason } = this.#parts.registrar.status();
    const why = registered ? undefined : explainWait(reason, this.#config.kubeletSocket);
    return why === undefined ? "" : inSentences(why);
  }
}
