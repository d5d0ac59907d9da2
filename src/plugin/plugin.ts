import type { AdminActions } from "../admin/admin-service.ts";
import { aborted } from "../common/aborted.ts";
import { type Clock, systemClock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import type { Config } from "../config/config.ts";
import type { RegistrarStatus } from "../device-plugin/registrar.ts";
import { defaultRegistrationTimes, type RegistrationTimes } from "../device-plugin/registration.ts";
import { type AuditTimes, defaultAuditTimes } from "../device-plugin/registration-audit.ts";
import type { Inventory } from "../devices/inventory/inventory.ts";
import {
  defaultMaintenanceTimes,
  type MaintenanceTimes,
} from "../devices/maintenance/maintenance-times.ts";
import type { VideoDriver } from "../drivers/driver.ts";
import { codeName } from "../grpc/server.ts";
import { Journal } from "../observe/journal.ts";
import type { LogLevelControl } from "../observe/log-level.ts";
import { Metrics } from "../observe/metrics.ts";
import { NfdFeatures } from "../observe/nfd-features.ts";
import { Observation } from "./observation.ts";
import { PoolUnit, type PoolUnitObserver } from "./pool-unit.ts";
import { type Actor, supervise } from "./supervisor.ts";

/** What a plugin is made with: the driver, and what tells of it. */
export interface PluginDeps {
  /** Not started yet; its list of devices is the one that is offered, for the life of the plugin. */
  readonly driver: VideoDriver;
  readonly log: Logger;
  /** Of the program, for status and metrics: `0.1.0`. */
  readonly version: string;
  /** The events to show; by default none. */
  readonly journal?: Journal;
  /** What changes the log level; by default nothing does. */
  readonly logLevel?: LogLevelControl;
  /** Default {@link systemClock}. */
  readonly clock?: Clock;
  /** In [0, 1), for the jitter of delays. Default Math.random. */
  readonly random?: () => number;
  /** Default {@link defaultRegistrationTimes}; for tests that can't wait. */
  readonly registrationTimes?: RegistrationTimes;
  /** Default {@link defaultAuditTimes}, at the configuration's interval; for tests that can't wait. */
  readonly auditTimes?: AuditTimes;
  /** Default {@link defaultMaintenanceTimes}, at the configuration's interval; for tests that can't wait. */
  readonly maintenanceTimes?: MaintenanceTimes;
}

/** How long the first look at the devices may delay the registration, ms. */
const firstLookMs = 5000;

/**
 * How long a stop waits for work at the devices that is under way, ms. Added to the grace of the registration's
 * end it has to stay below a second.
 */
const stopPatienceMs = 500;

/**
 * The composition root: the units of pool, service and registration, today one, with what shows and operates them.
 * Nothing here is global.
 */
export class Plugin {
  readonly #config: Config;
  readonly #deps: Required<PluginDeps>;
  readonly #unit: PoolUnit;
  readonly #metrics: Metrics;
  readonly #observation: Observation;

  constructor(config: Config, deps: PluginDeps) {
    const pollMs = config.podResourcesInterval * 1000;
    const full = {
      clock: systemClock,
      random: Math.random,
      registrationTimes: defaultRegistrationTimes,
      auditTimes: { ...defaultAuditTimes, intervalMs: pollMs },
      maintenanceTimes: { ...defaultMaintenanceTimes, pollMs },
      journal: new Journal(),
      logLevel: { level: config.logLevel, setLevel: () => undefined },
      ...deps,
    };
    this.#config = config;
    this.#deps = full;
    this.#unit = new PoolUnit(config, { ...full, observer: this.#observer() });
    this.#metrics = new Metrics({
      version: full.version,
      nodeName: config.nodeName,
      devices: () => this.pool.list(),
      registered: () => this.status().registered,
      maintenance: () => this.#unit.maintenance.status(),
      cordoned: (id) => this.#observation.cordons.book.has(id),
      retired: (id) => this.pool.isHeld(id, "retired"),
      lagSeconds: () => this.#observation.lag.worst,
      owners: config.metricsOwners ? () => this.#unit.podResources.owners() : undefined,
    });
    this.#observation = new Observation(config, {
      ...full,
      ...{ pool: this.pool, monitor: this.#unit.monitor, maintenance: this.#unit.maintenance },
      ...{ registrar: this.#unit.registrar, podResources: this.#unit.podResources },
      metrics: this.#metrics,
    });
  }

  get pool(): Inventory {
    return this.#unit.pool;
  }

  /** What the admin API can be asked and told. */
  get actions(): AdminActions {
    return this.#observation.actions;
  }

  /** Counts events for the metrics. */
  #observer(): PoolUnitObserver {
    return {
      allocated: (devices, ms) => this.#metrics.allocated(devices, ms),
      allocationRefused: (code) => this.#metrics.allocationRefused(codeName(code)),
      registered: () => this.#metrics.registered(),
      registerFailed: () => this.#metrics.registerFailed(),
      ended: (reason) => this.#metrics.ended(reason),
      cared: (...care) => this.#metrics.maintained(...care),
      inspected: (ms) => this.#metrics.inspected(ms),
      podResourcesFailed: (method, reason) => this.#metrics.podResourcesFailed(method, reason),
    };
  }

  /** How the registration is; see {@link RegistrarStatus}. */
  status(): RegistrarStatus {
    return this.#unit.registrar.status();
  }

  /** Sets everything up anew and looks at all of it: what SIGHUP asks for. */
  reinspect(): void {
    this.#deps.log.info("Everything is looked at again");
    this.#unit.reinspect();
  }

  /**
   * Runs until `signal` aborts, then stops in order: the registration first, so that the kubelet sends
   * nobody here any more, then the watch over the devices, HTTP last. Devices are left as they are, unless
   * the option says otherwise.
   */
  async run(signal: AbortSignal): Promise<void> {
    await this.#run(signal).finally(() => this.#unit.close());
  }

  async #run(signal: AbortSignal): Promise<void> {
    this.#observation.cordons.load();
    const later = new AbortController();
    const others = [
      this.#supervise("maintenance", (until) => this.#unit.takeCare(until), signal),
      this.#supervise("audit", (until) => this.#unit.audit(until), signal),
      this.#supervise("monitor", (until) => this.#unit.watch(until), later.signal),
      this.#supervise("lag", (until) => this.#observation.lag.run(until), later.signal),
      this.#supervise("admin", (until) => this.#observation.runAdmin(until), later.signal),
      ...(this.#config.enableMetrics
        ? [this.#supervise("http", (until) => this.#observation.runHttp(until), later.signal)]
        : []),
      ...(this.#config.nfdFeaturesDir
        ? [this.#supervise("features", (until) => this.#tellFeatures(until), signal)]
        : []),
    ];
    await Promise.race([this.#unit.monitor.ready, this.#deps.clock.sleep(firstLookMs, signal)]);
    await this.#supervise("registrar", (until) => this.#unit.offer(until), signal);
    later.abort();
    const stopped = Promise.all(others).then(() => true);
    if (!(await Promise.race([stopped, this.#deps.clock.sleep(stopPatienceMs)]))) {
      this.#deps.log.warn("Work at the devices is cut short", { waited_ms: stopPatienceMs });
      return;
    }
    if (this.#config.removeDevicesOnExit) await this.#unit.maintenance.removeUnused();
  }

  /** Not before the devices were made: until then the module may not be loaded. */
  async #tellFeatures(signal: AbortSignal): Promise<void> {
    const { driver } = this.#deps;
    const { nfdFeaturesDir: directory, resourceName, maxDevices } = this.#config;
    await Promise.race([this.#unit.monitor.ready, aborted(signal)]);
    const features = () => ({
      resourceName,
      driver: driver.name,
      devices: maxDevices,
      ...driver.describe(),
    });
    if (!signal.aborted) await new NfdFeatures({ ...this.#deps, directory, features }).run(signal);
  }

  #supervise(name: string, run: Actor["run"], signal: AbortSignal): Promise<void> {
    this.#metrics.actorStarted(name);
    const onRestart = (actor: string) => {
      this.#metrics.actorRestarted(actor);
      this.#observation.actors.restarted(actor);
    };
    return supervise({ name, run }, signal, { ...this.#deps, onRestart });
  }
}
