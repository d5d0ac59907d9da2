import type { AdminActions } from "../admin/admin-service.ts";
import { readBootId } from "../common/boot-id.ts";
import { aborted, type Clock, systemClock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import type { PluginError } from "../common/plugin-error.ts";
import { WallClock } from "../common/wall-clock.ts";
import { withFields } from "../common/with-fields.ts";
import type { Config } from "../config/config.ts";
import type { PoolConfig } from "../config/pool-config.ts";
import { CallActivity } from "../device-plugin/call-activity.ts";
import type { RegistrarStatus } from "../device-plugin/registrar.ts";
import { defaultRegistrationTimes, type RegistrationTimes } from "../device-plugin/registration.ts";
import { type AuditTimes, defaultAuditTimes } from "../device-plugin/registration-audit.ts";
import { defaultStandbyTimes, type StandbyTimes } from "../device-plugin/standby.ts";
import { CordonStore } from "../devices/cordon/cordon-store.ts";
import { cordonFile } from "../devices/cordon/cordons.ts";
import type { Inventory } from "../devices/inventory/inventory.ts";
import {
  defaultMaintenanceTimes,
  type MaintenanceTimes,
} from "../devices/maintenance/maintenance-times.ts";
import { PodNumbers } from "../devices/usage/pod-numbers.ts";
import { podNumbersFile } from "../devices/usage/pod-numbers-file.ts";
import { PodNumbersStore } from "../devices/usage/pod-numbers-store.ts";
import { CameraDriver } from "../drivers/camera/index.ts";
import type { VideoDriver } from "../drivers/driver.ts";
import { EventLoopLag } from "../observe/event-loop-lag.ts";
import { Journal } from "../observe/journal.ts";
import type { LogLevelControl } from "../observe/log-level.ts";
import { Metrics, type PoolSources } from "../observe/metrics.ts";
import { NfdFeatures } from "../observe/nfd-features.ts";
import type { ProbeSources } from "../observe/probes.ts";
import { PodResourcesConnection } from "../pod-resources/connection.ts";
import { PodResources } from "../pod-resources/pod-resources.ts";
import { CdiFiles } from "./cdi-files.ts";
import type { ConfigFileWatch } from "./config-file-watch.ts";
import { Operations } from "./operations.ts";
import { Pool, type SharedParts } from "./pool.ts";
import { Pools } from "./pools.ts";
import { RestartTracker } from "./restart-tracker.ts";
import { type Supervise, servePools } from "./serve-pools.ts";
import { TakeOverOrder } from "./standby.ts";
import { supervise } from "./supervisor.ts";

/** A pool, and the driver that provides its devices. */
export interface PluginPool {
  readonly config: PoolConfig;
  /** Not started yet; the plugin offers its devices, always all of them. */
  readonly driver: VideoDriver;
}

/** What a plugin is made of: the pools, and what it reports to. */
export interface PluginDeps {
  /** At least one. No two have a device of the same ID. */
  readonly pools: readonly PluginPool[];
  readonly log: Logger;
  /** The program's version, for status and metrics: `0.1.0`. */
  readonly version: string;
  /** The events to show; by default none. */
  readonly journal?: Journal;
  /** Notices that the config file has changed; by default there is none. */
  readonly configFile?: ConfigFileWatch | undefined;
  /** What changes the log level; by default nothing does. */
  readonly logLevel?: LogLevelControl;
  /** Default {@link systemClock}. */
  readonly clock?: Clock;
  /** In [0, 1), for the jitter of delays. Default Math.random. */
  readonly random?: () => number;
  /** Default {@link defaultRegistrationTimes}; for tests that can't wait. */
  readonly registrationTimes?: RegistrationTimes;
  /** Default {@link defaultStandbyTimes}; for tests that can't wait. */
  readonly standbyTimes?: StandbyTimes;
  /** Default {@link defaultAuditTimes}, at the configuration's interval; for tests that can't wait. */
  readonly auditTimes?: AuditTimes;
  /** Default {@link defaultMaintenanceTimes}, at the configuration's interval; for tests that can't wait. */
  readonly maintenanceTimes?: MaintenanceTimes;
}

/** The log of a pool: its events have the pool's name if there are several. */
export function poolLog(log: Logger, { name }: PoolConfig, pools: readonly unknown[]): Logger {
  return pools.length > 1 ? withFields(log, { pool: name }) : log;
}

/** The composition root: the pools, with what shows and operates them. Nothing in it is global. */
export class Plugin {
  readonly #config: Config;
  readonly #deps: Required<PluginDeps>;
  readonly #pools: Pools;
  readonly #shared: SharedParts;
  readonly #cordons: CordonStore;
  readonly #podNumbers: PodNumbersStore;
  readonly #metrics: Metrics;
  readonly #lag: EventLoopLag;
  readonly #restarts: RestartTracker;
  readonly #operations: Operations;
  readonly #end = new AbortController();
  /** Why only a new process can go on. */
  #failure: PluginError | undefined;

  constructor(config: Config, deps: PluginDeps) {
    const pollMs = config.podResourcesInterval * 1000;
    const full = {
      clock: systemClock,
      random: Math.random,
      registrationTimes: defaultRegistrationTimes,
      standbyTimes: defaultStandbyTimes,
      auditTimes: { ...defaultAuditTimes, intervalMs: pollMs },
      maintenanceTimes: { ...defaultMaintenanceTimes, pollMs },
      journal: new Journal(),
      logLevel: { level: config.logLevel, setLevel: () => undefined },
      configFile: undefined,
      ...deps,
    };
    const { clock, log, version } = full;
    const { nodeName } = config;
    const wall = new WallClock(clock);
    const lag = new EventLoopLag(clock);
    const restarts = new RestartTracker(clock);
    const resourceNames = full.pools.map((pool) => pool.config.options.resourceName);
    const metrics = new Metrics({
      ...{ version, nodeName },
      pools: full.pools.map(({ driver }, at) => ({
        resourceName: resourceNames[at] ?? "",
        deviceIds: driver.devices.map(({ id }) => id),
      })),
    });
    const numbers = new PodNumbers();
    const shared: SharedParts = {
      ...{ numbers, order: new TakeOverOrder(resourceNames), calls: new CallActivity(clock) },
      connection: new PodResourcesConnection(config.podResourcesSocket, clock),
    };
    const [first, ...others] = full.pools.map((pool, at) => {
      const observer = metrics.pools[at];
      if (observer === undefined) throw new Error("no metrics of the pool");
      return new Pool(config, pool.config, {
        ...{ ...full, ...shared, observer, driver: pool.driver },
        otherNumbers: numbersBeside(pool, full.pools),
        otherPools: resourceNames.filter((_, other) => other !== at),
        log: poolLog(log, pool.config, full.pools),
      });
    });
    if (first === undefined) throw new Error("a plugin has at least one pool");
    const pools = new Pools([first, ...others]);
    const cordons = new CordonStore({
      ...{ inventory: pools, wall, log, logOf: (id: string) => pools.serving(id).log },
      file: cordonFile(config.stateDir),
    });
    const numbersFile = podNumbersFile(config.stateDir, readBootId());
    const { usage } = first.devices;
    const isStandby = () => pools.standby() !== undefined;
    const { configFile } = full;
    metrics.show(
      {
        ...{ standby: isStandby, lagSeconds: () => lag.worst },
        ...(configFile && { configFile: () => configFile.state }),
      },
      pools.all.map((pool) => ({
        ...gaugesOf(pool, { isStandby, cordons, config }),
        ...camerasOf(pool.driver),
      })),
    );
    this.#config = config;
    this.#deps = full;
    this.#lag = lag;
    this.#restarts = restarts;
    this.#metrics = metrics;
    this.#pools = pools;
    this.#shared = shared;
    this.#cordons = cordons;
    this.#podNumbers = new PodNumbersStore({ numbers, usage, file: numbersFile, log });
    const parts = { ...full, pools, cordons, restarts, lag, metrics, wall };
    this.#operations = new Operations(config, parts);
  }

  /** The devices of the first pool, and their health. */
  get inventory(): Inventory {
    return this.#pools.all[0].devices.inventory;
  }

  /** What the admin API can do. */
  get actions(): AdminActions {
    return this.#operations.actions;
  }

  /** What the probes check. */
  get probes(): ProbeSources {
    return this.#operations.probes;
  }

  /** What `/metrics` shows. */
  get metrics(): Pick<Metrics, "render"> {
    return this.#metrics;
  }

  /** How the registration of the first pool is; see {@link RegistrarStatus}. */
  status(): RegistrarStatus {
    return this.#pools.registration(this.#pools.all[0]);
  }

  /**
   * Checks the config file, sets everything up again and inspects it: what SIGHUP asks for. A standby's next inspection comes
   * soon anyway.
   */
  reinspect(): void {
    this.#deps.configFile?.checkNow();
    this.#deps.log.info("Inspecting everything again");
    if (this.#pools.standby() === undefined) for (const pool of this.#pools.all) pool.reinspect();
  }

  /**
   * Runs until `signal` aborts, or only a new process can go on, see {@link servePools}.
   *
   * @throws PluginError of what only a new process can help against; devices stay as they are.
   */
  async run(signal: AbortSignal): Promise<void> {
    const ending = AbortSignal.any([signal, this.#end.signal]);
    const parts = {
      ...{ ...this.#deps, ...this.#shared, pools: this.#pools, supervise: this.#supervise },
      ...{ cordons: this.#cordons, podNumbers: this.#podNumbers },
      hasFailed: () => this.#failure !== undefined,
      beside: (until: AbortSignal) => this.#runBeside(until),
      alone: (until: AbortSignal) => this.#runAlone(until),
    };
    await servePools(this.#config, parts, ending).finally(async () => {
      await this.#podNumbers.close();
      for (const pool of this.#pools.all) pool.close();
    });
    if (this.#failure !== undefined && !signal.aborted) throw this.#failure;
  }

  /** What shows and operates the pools, also while this instance stands by. */
  #runBeside(signal: AbortSignal): Promise<void>[] {
    const operations = this.#operations;
    const { configFile } = this.#deps;
    const actors = [
      { name: "lag", run: (until: AbortSignal) => this.#lag.run(until) },
      { name: "admin", run: (until: AbortSignal) => operations.runAdmin(until) },
      ...(this.#config.enableMetrics
        ? [{ name: "http", run: (until: AbortSignal) => operations.runHttp(until) }]
        : []),
      ...(configFile
        ? [{ name: "config", run: (until: AbortSignal) => configFile.run(until) }]
        : []),
    ];
    return actors.map((actor) => this.#supervise(actor, signal));
  }

  /** What runs while this instance serves. */
  #runAlone(signal: AbortSignal): Promise<void>[] {
    const cdiFiles = this.#cdiFiles();
    const actors = [
      ...(this.#config.nfdFeaturesDir
        ? [{ name: "features", run: (until: AbortSignal) => this.#publish(until) }]
        : []),
      ...(cdiFiles.load()
        ? [{ name: "cdi", run: (until: AbortSignal) => cdiFiles.run(until) }]
        : []),
    ];
    return actors.map((actor) => this.#supervise(actor, signal));
  }

  #cdiFiles(): CdiFiles {
    const { clock, log } = this.#deps;
    const { stateDir, podResourcesSocket: socket } = this.#config;
    const intervalMs = this.#config.podResourcesInterval * 1000;
    const { connection } = this.#shared;
    const clients = new Map<string, PodResources>();
    const clientOf = (resourceName: string) => {
      const options = { socket, resourceName, intervalMs };
      const known = clients.get(resourceName);
      const client = known ?? new PodResources(options, clock, undefined, connection);
      clients.set(resourceName, client);
      return client;
    };
    return new CdiFiles({
      ...{ stateDir, clock, log },
      current: this.#pools.all.flatMap(({ cdi, resourceName }) =>
        cdi === undefined ? [] : [{ path: cdi.path, resourceName }],
      ),
      isOwned: async (resourceName, signal) => {
        const owned = await clientOf(resourceName).podDevices(signal);
        return [...owned.values()].some(({ otherResource }) => otherResource === undefined);
      },
    });
  }

  /** Publishes labels for NFD, once the drivers have created the devices: until then the module may not be loaded. */
  async #publish(signal: AbortSignal): Promise<void> {
    const directory = this.#config.nfdFeaturesDir;
    const { all } = this.#pools;
    const ready = Promise.all(all.map(({ devices }) => devices.monitor.ready));
    await Promise.race([ready, aborted(signal)]);
    const features = () =>
      all.map(({ resourceName, driver }) => ({
        ...{ resourceName, driver: driver.name },
        devices: driver.devices.filter(({ surplus }) => !surplus).length,
        readyCameras: readyCamerasOf(driver).length > 0,
        ...driver.describe(),
      }));
    if (!signal.aborted) await new NfdFeatures({ ...this.#deps, directory, features }).run(signal);
  }

  readonly #supervise: Supervise = (actor, signal, pool) => {
    const { all } = this.#pools;
    const { log } = pool ?? this.#deps;
    const metrics =
      this.#metrics.pools[pool === undefined ? -1 : all.indexOf(pool)] ?? this.#metrics;
    metrics.actorStarted(actor.name);
    const onRestart = (name: string) => {
      metrics.actorRestarted(name);
      this.#restarts.restarted(name, all.length > 1 ? pool?.name : undefined);
    };
    const onEnd = (error: PluginError) => {
      this.#failure ??= error;
      this.#end.abort();
    };
    return supervise(actor, signal, { ...this.#deps, log, onRestart, onEnd });
  };
}

/** What differs in the metrics of a pool of real devices. */
function camerasOf(
  driver: VideoDriver,
): Pick<PoolSources, "expected" | "hasSignals" | "seesStreams"> | undefined {
  if (!(driver instanceof CameraDriver)) return undefined;
  return { expected: () => driver.expected, hasSignals: true, seesStreams: false };
}

/** What the gauges show of a pool. */
function gaugesOf(
  { devices, driver, podResources, registrar }: Pool,
  is: {
    readonly isStandby: () => boolean;
    readonly cordons: CordonStore;
    readonly config: Config;
  },
): PoolSources {
  const { isStandby, cordons, config } = is;
  // The instance that serves shows the devices: the sums over instances would count them twice.
  const shown = <T>(list: () => readonly T[]): readonly T[] => (isStandby() ? [] : list());
  return {
    devices: () => shown(() => devices.inventory.list()),
    reasons: driver.reasons,
    registered: () => registrar.status().registered,
    activity: () => shown(() => devices.activity()),
    relay: () => (isStandby() ? undefined : driver.relay()),
    readyCameras: readyCamerasOf(driver),
    cordoned: (id) => cordons.cordons.has(id),
    retired: (id) => devices.inventory.isHeld(id, "retired"),
    owners: config.metricsOwners ? () => podResources.owners() : undefined,
  };
}

/** IDs of the devices that are ready cameras. */
function readyCamerasOf({ devices }: VideoDriver): string[] {
  return devices.flatMap(({ id, nodes }) =>
    nodes.some(({ role }) => role === "feed") ? [id] : [],
  );
}

/** Numbers of the devices that all pools but this one create. */
function numbersBeside(pool: PluginPool, pools: readonly PluginPool[]): ReadonlySet<number> {
  const others = pools.filter((other) => other !== pool && other.config.kind === "loopback");
  return new Set(others.flatMap(({ driver }) => driver.devices.map(({ number }) => number)));
}
