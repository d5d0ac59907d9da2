import type { AdminActions } from "../admin/admin-service.ts";
import { runAdmin } from "../admin/run-admin.ts";
import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import type { WallClock } from "../common/wall-clock.ts";
import type { Config } from "../config/config.ts";
import { explainWait } from "../device-plugin/explain-registration.ts";
import type { CordonStore } from "../devices/cordon/cordon-store.ts";
import type { VideoDriver } from "../drivers/driver.ts";
import { buildStatus } from "../observe/build-status.ts";
import { devicesCheck, eventLoopCheck, inSentences, monitorCheck } from "../observe/checks.ts";
import type { EventLoopLag } from "../observe/event-loop-lag.ts";
import type { Journal } from "../observe/journal.ts";
import { changeLogLevel, type LogLevelControl } from "../observe/log-level.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { ProbeSources } from "../observe/probes.ts";
import { redactStatus } from "../observe/redact-status.ts";
import { runHttp } from "../observe/run-http.ts";
import type { Pool } from "./pool.ts";
import type { RestartTracker } from "./restart-tracker.ts";
import { longStandby } from "./standby.ts";

/** The parts that are shown and operated. */
export interface OperatedParts {
  readonly driver: Pick<VideoDriver, "name" | "relay">;
  readonly pool: Pool;
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
      const { version, driver, pool, cordons, wall, journal, logLevel } = this.#parts;
      const { nodeName, resourceName } = this.#config;
      return buildStatus({
        ...{ version, nodeName, resourceName, driver: driver.name, wall },
        startedAt: this.#startedAt,
        devices: () => pool.devices.inventory.list(),
        activity: () => pool.devices.activity(),
        relay: () => driver.relay(),
        cordons: () => cordons.cordons,
        registration: () => pool.registration(),
        registrationDetail: () => this.#registrationDetail(),
        devicesDetail: () => {
          const { trouble } = pool.devices.monitor;
          return trouble === undefined ? "" : inSentences(trouble);
        },
        podResources: pool.podResources,
        otherOffers: () => pool.otherOffers(),
        events: () => journal.events(),
        logLevel: () => logLevel.level,
      });
    },
    subscribe: (listener) => {
      const { pool, journal } = this.#parts;
      const ends = [pool.devices.inventory.subscribe(listener), journal.subscribe(listener)];
      return () => {
        for (const end of ends) end();
      };
    },
    reset: async (id, options) => {
      await this.#serving().devices.maintenance.operate("reset", id, options);
    },
    repair: async (id, options) =>
      this.#serving().devices.maintenance.operate("repair", id, options),
    cordon: async (id, note) => {
      this.#serving();
      await this.#parts.cordons.cordon(id, note);
    },
    uncordon: async (id) => {
      this.#serving();
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
      monitorCheck(this.#parts.pool.devices.queue.busy()),
      this.#parts.restarts.check(),
    ],
    ready: () => {
      const { pool } = this.#parts;
      const { devices } = pool;
      const { registered, reason } = pool.registration();
      if (reason === "standby") {
        // The check of the devices is what stops a rollout at a node where this version can't work.
        return [
          { name: "ping", failure: undefined },
          { name: "standby", failure: undefined },
          devicesCheck(devices.inventory.list(), undefined),
        ];
      }
      return [
        { name: "ping", failure: undefined },
        {
          name: "registered",
          failure: registered ? undefined : reason,
          detail: this.#registrationDetail(),
        },
        devicesCheck(devices.inventory.list(), devices.monitor.trouble),
      ];
    },
  };

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

  /** Why the kubelet doesn't listen and what to do; empty if it does, or if there is no more to say. */
  #registrationDetail(): string {
    const { pool } = this.#parts;
    if (pool.standby()?.isLong) return inSentences(longStandby(this.#config.resourceName));
    const { registered, reason } = pool.registration();
    const why = registered ? undefined : explainWait(reason, this.#config.kubeletSocket);
    return why === undefined ? "" : inSentences(why);
  }

  /**
   * The pool, if this instance serves it.
   * @throws PluginError `standby`.
   */
  #serving(): Pool {
    const { pool } = this.#parts;
    if (pool.standby() === undefined) return pool;
    throw new PluginError(
      "standby",
      `This instance stands by: another one serves ${this.#config.resourceName} on this node.`,
      { remedy: "Ask the other instance: its log and its status say Registered." },
    );
  }
}
