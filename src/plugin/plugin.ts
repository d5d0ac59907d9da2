import { dirname } from "node:path";
import { aborted } from "../common/aborted.ts";
import { type Clock, systemClock } from "../common/clock.ts";
import { watchDirectory } from "../common/watch-directory.ts";
import type { Config } from "../config/config.ts";
import { AllocationHistory } from "../devices/allocation-history.ts";
import { type CareTimes, defaultCareTimes } from "../devices/care-times.ts";
import { Caretaker } from "../devices/caretaker.ts";
import { DeviceMonitor } from "../devices/monitor.ts";
import { DevicePool } from "../devices/pool.ts";
import { codeName } from "../grpc/status.ts";
import { type AllocationObserver, devicePluginService } from "../kubelet/device-plugin-service.ts";
import { logOwners } from "../kubelet/owner-log.ts";
import { PodResources } from "../kubelet/pod-resources.ts";
import {
  Registrar,
  type RegistrarStatus,
  type RegistrationObserver,
} from "../kubelet/registrar.ts";
import { defaultRegistrationTimes, type RegistrationTimes } from "../kubelet/registration.ts";
import {
  type AuditTimes,
  defaultAuditTimes,
  RegistrationAudit,
} from "../kubelet/registration-audit.ts";
import { isInstanceSocket } from "../kubelet/socket-file.ts";
import type { AdminActions } from "../observe/admin/admin-service.ts";
import { Journal } from "../observe/journal.ts";
import type { LogLevelControl } from "../observe/log-level.ts";
import type { Logger } from "../observe/logger.ts";
import { Metrics } from "../observe/metrics.ts";
import { NfdFeatures } from "../observe/nfd-features.ts";
import type { VideoDriver } from "../v4l2/driver.ts";
import { Collector } from "./collector.ts";
import { Observation } from "./observation.ts";
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
  /** Default {@link defaultCareTimes}, at the configuration's interval; for tests that can't wait. */
  readonly careTimes?: CareTimes;
}

/** How long the first look at the devices may delay the registration, ms. */
const firstLookMs = 5000;

/**
 * How long a stop waits for work at the devices that is under way, ms. Added to the grace of the registration's
 * end it has to stay below a second.
 */
const stopPatienceMs = 500;

/**
 * The composition root: one pool, its service and its registration, with what watches and shows them.
 * Nothing here is global, so a second pool is a second one of these.
 */
export class Plugin {
  readonly pool: DevicePool;
  readonly #config: Config;
  readonly #deps: Required<PluginDeps>;
  readonly #monitor: DeviceMonitor;
  readonly #caretaker: Caretaker;
  readonly #registrar: Registrar;
  readonly #audit: RegistrationAudit;
  readonly #podResources: PodResources;
  readonly #metrics: Metrics;
  readonly #observation: Observation;
  #registeredBefore = false;

  constructor(config: Config, deps: PluginDeps) {
    const { driver, log, version } = deps;
    const pollMs = config.podResourcesInterval * 1000;
    const full = {
      clock: systemClock,
      random: Math.random,
      registrationTimes: defaultRegistrationTimes,
      auditTimes: { ...defaultAuditTimes, intervalMs: pollMs },
      careTimes: { ...defaultCareTimes, pollMs },
      journal: new Journal(),
      logLevel: { level: config.logLevel, setLevel: () => undefined },
      ...deps,
    };
    const { clock, random, careTimes } = full;
    this.#config = config;
    this.#deps = full;
    this.pool = new DevicePool(driver.devices, clock);
    this.#metrics = new Metrics({
      version,
      nodeName: config.nodeName,
      devices: () => this.pool.list(),
      registered: () => this.#registrar.status().registered,
      care: () => this.#caretaker.status(),
      cordoned: (id) => this.#observation.cordons.book.has(id),
      retired: (id) => this.pool.isHeld(id, "retired"),
      lagSeconds: () => this.#observation.lag.worst,
      owners: config.metricsOwners ? () => this.#podResources.owners() : undefined,
    });
    this.#podResources = new PodResources(
      {
        socket: config.podResourcesSocket,
        resourceName: config.resourceName,
        intervalMs: careTimes.pollMs,
        restartGraceMs: careTimes.restartGraceMs,
      },
      clock,
      {
        podResourcesFailed: (method, reason) => this.#metrics.podResourcesFailed(method, reason),
        ownersChanged: (news) => logOwners(log, news),
      },
    );
    this.#monitor = new DeviceMonitor(
      { intervalMs: config.healthCheckInterval * 1000 },
      {
        driver,
        pool: this.pool,
        clock,
        log,
        random,
        onInspected: (ms) => this.#metrics.inspected(ms),
        onEnsured: (report) => this.#caretaker.ensured(report),
        excusesMark: (id) => this.#caretaker.excusesMark(id),
        mayRemake: (id) => this.#caretaker.isFree(id),
      },
    );
    const observer = this.#observer();
    this.#caretaker = new Caretaker({
      driver,
      monitor: this.#monitor,
      pool: this.pool,
      listed: this.#podResources.devicesOfPods,
      watchListed: this.#podResources.watch,
      clock,
      log,
      random,
      observer: this.#metrics,
      times: careTimes,
    });
    const history = new AllocationHistory();
    this.#registrar = new Registrar(
      {
        resourceName: config.resourceName,
        kubeletSocket: config.kubeletSocket,
        socketPath: config.socketPath,
        preStart: config.preStartContainer,
        times: full.registrationTimes,
      },
      {
        clock,
        log,
        random,
        observer,
        onDefect: (method, error) => {
          log.error("Request handler failed", {
            method: method.name,
            error: String(error),
            stack: error instanceof Error ? error.stack : undefined,
          });
        },
        service: (streams) =>
          devicePluginService(
            {
              pool: this.pool,
              history,
              clock,
              log,
              containerDevicePath: config.containerDevicePath,
              claim: (ids, give) => this.#caretaker.claim(ids, give),
              preStart: config.preStartContainer
                ? (ids) => this.#caretaker.prepare(ids)
                : undefined,
              inspectSoon: this.#monitor.inspectSoon,
              observer,
            },
            streams,
          ),
      },
    );
    this.#audit = new RegistrationAudit(
      {
        clock,
        log,
        allocatable: this.#podResources.allocatable,
        expected: () => this.#offered(),
        watch: (nudge, signal) => {
          const isInstance = (name: string) => isInstanceSocket(config.socketPath, name);
          watchDirectory(dirname(config.socketPath), isInstance, nudge, signal, clock);
        },
        onDisowned: this.#registrar.disown,
      },
      full.auditTimes,
    );
    this.#observation = new Observation(config, {
      ...full,
      pool: this.pool,
      monitor: this.#monitor,
      caretaker: this.#caretaker,
      registrar: this.#registrar,
      podResources: this.#podResources,
      metrics: this.#metrics,
    });
  }

  /** What the admin API can be asked and told. */
  get actions(): AdminActions {
    return this.#observation.actions;
  }

  /** Counts what happens, and has the garbage of it collected in a quiet moment. */
  #observer(): AllocationObserver & RegistrationObserver {
    const metrics = this.#metrics;
    const collector = new Collector();
    return {
      allocated: (devices, ms) => {
        metrics.allocated(devices, ms);
        collector.worked();
      },
      allocationRefused: (code) => metrics.allocationRefused(codeName(code)),
      registered: () => {
        this.#onRegistered();
        collector.worked();
      },
      registerFailed: () => metrics.registerFailed(),
      ended: (reason) => metrics.ended(reason),
    };
  }

  /** IDs of the devices that the kubelet was told are healthy; undefined while it isn't listening. */
  #offered(): string[] | undefined {
    if (!this.#registrar.status().registered) return undefined;
    return this.pool.list().flatMap(({ id, health }) => (health === "Healthy" ? [id] : []));
  }

  /** A first registration says nothing of the kubelet's age; a further one is a kubelet's that began anew. */
  #onRegistered(): void {
    if (this.#registeredBefore) this.#caretaker.kubeletRestarted();
    this.#registeredBefore = true;
    this.#metrics.registered();
  }

  status(): RegistrarStatus {
    return this.#registrar.status();
  }

  /** Sets everything up anew and looks at all of it: what SIGHUP asks for. */
  reinspect(): void {
    this.#deps.log.info("Everything is looked at again");
    this.#monitor.reinspectAll();
    this.#registrar.lookSoon();
  }

  /**
   * Runs until `signal` aborts, then stops in order: the registration first, so that the kubelet sends
   * nobody here any more, then the watch over the devices, HTTP last. Devices are left as they are, unless
   * the option says otherwise.
   */
  async run(signal: AbortSignal): Promise<void> {
    await this.#run(signal).finally(() => this.#podResources.close());
  }

  async #run(signal: AbortSignal): Promise<void> {
    this.#observation.cordons.load();
    const later = new AbortController();
    const others = [
      this.#supervise("caretaker", (until) => this.#takeCare(until), signal),
      this.#supervise("audit", (until) => this.#audit.run(until), signal),
      this.#supervise("monitor", (until) => this.#monitor.run(until), later.signal),
      this.#supervise("lag", (until) => this.#observation.lag.run(until), later.signal),
      this.#supervise("admin", (until) => this.#observation.runAdmin(until), later.signal),
      ...(this.#config.enableMetrics
        ? [this.#supervise("http", (until) => this.#observation.runHttp(until), later.signal)]
        : []),
      ...(this.#config.nfdFeaturesDir
        ? [this.#supervise("features", (until) => this.#tellFeatures(until), signal)]
        : []),
    ];
    await Promise.race([this.#monitor.ready, this.#deps.clock.sleep(firstLookMs, signal)]);
    await this.#supervise("registrar", (until) => this.#registrar.run(until), signal);
    later.abort();
    const stopped = Promise.all(others).then(() => true);
    if (!(await Promise.race([stopped, this.#deps.clock.sleep(stopPatienceMs)]))) {
      this.#deps.log.warn("Work at the devices is cut short", { waited_ms: stopPatienceMs });
      return;
    }
    if (this.#config.removeDevicesOnExit) await this.#caretaker.removeUnused();
  }

  /** Not before the devices were made and looked at: until then nothing is known of what can be done. */
  async #takeCare(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#monitor.ready, aborted(signal)]);
    if (signal.aborted) return;
    if (!this.#deps.driver.capabilities().reset) {
      this.#deps.log.warn("Devices can't be cleaned between pods on this node", {
        detail: "the driver can't reset single devices here: a pod may find what the last one left",
      });
    }
    await this.#caretaker.run(signal);
  }

  /** Not before the devices were made: until then the module may not be loaded. */
  async #tellFeatures(signal: AbortSignal): Promise<void> {
    const { driver } = this.#deps;
    const { nfdFeaturesDir: directory, resourceName, maxDevices } = this.#config;
    await Promise.race([this.#monitor.ready, aborted(signal)]);
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
