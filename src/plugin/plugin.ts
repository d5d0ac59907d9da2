import type { AdminActions } from "../admin/admin-service.ts";
import { readBootId } from "../common/boot-id.ts";
import { aborted, type Clock, systemClock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import type { PluginError } from "../common/plugin-error.ts";
import { WallClock } from "../common/wall-clock.ts";
import type { Config } from "../config/config.ts";
import type { RegistrarStatus } from "../device-plugin/registrar.ts";
import { defaultRegistrationTimes, type RegistrationTimes } from "../device-plugin/registration.ts";
import { type AuditTimes, defaultAuditTimes } from "../device-plugin/registration-audit.ts";
import { defaultStandbyTimes, type StandbyTimes } from "../device-plugin/standby.ts";
import { hiddenDevices } from "../devices/container-path.ts";
import { CordonFile } from "../devices/cordon/cordon-file.ts";
import { CordonStore } from "../devices/cordon/cordon-store.ts";
import type { Inventory } from "../devices/inventory/inventory.ts";
import {
  defaultMaintenanceTimes,
  type MaintenanceTimes,
} from "../devices/maintenance/maintenance-times.ts";
import { PodNumbersFile } from "../devices/usage/pod-numbers-file.ts";
import { PodNumbersStore } from "../devices/usage/pod-numbers-store.ts";
import type { VideoDriver } from "../drivers/driver.ts";
import { EventLoopLag } from "../observe/event-loop-lag.ts";
import { Journal } from "../observe/journal.ts";
import type { LogLevelControl } from "../observe/log-level.ts";
import { Metrics } from "../observe/metrics.ts";
import { NfdFeatures } from "../observe/nfd-features.ts";
import type { ProbeSources } from "../observe/probes.ts";
import { Operations } from "./operations.ts";
import { Pool } from "./pool.ts";
import { RestartTracker } from "./restart-tracker.ts";
import { type Actor, supervise } from "./supervisor.ts";

/** What a plugin is made of: the driver, and what it reports to. */
export interface PluginDeps {
  /** Not started yet; the plugin offers its devices, always all of them. */
  readonly driver: VideoDriver;
  readonly log: Logger;
  /** The program's version, for status and metrics: `0.1.0`. */
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
  /** Default {@link defaultStandbyTimes}; for tests that can't wait. */
  readonly standbyTimes?: StandbyTimes;
  /** Default {@link defaultAuditTimes}, at the configuration's interval; for tests that can't wait. */
  readonly auditTimes?: AuditTimes;
  /** Default {@link defaultMaintenanceTimes}, at the configuration's interval; for tests that can't wait. */
  readonly maintenanceTimes?: MaintenanceTimes;
}

/** How long the first inspection may delay the registration, ms. */
const firstInspectionMs = 5000;

/**
 * How long a standby that takes over does nothing but register, ms: twice what that takes on an idle machine. What works at
 * the devices begins after it.
 */
const registerFirstMs = 50;

/**
 * How long the kubelet must have called about no pod before the registration ends, ms: pods of a burst are some ms apart,
 * and a hand-over takes some 20 ms.
 */
const quietMs = 100;

/**
 * How long after a standby's registration, and after a call, another call may come for a pod whose admission began before
 * that registration, ms: some 1 on an idle machine. The stream's end would end it. The standby holds what comes to it meanwhile.
 */
const switchMs = 100;

/**
 * How long a stop waits for work at the devices that is under way, ms. With the grace of the registration's end that
 * is below a second, so that an update is quick; the removal of devices has its own limit.
 */
const stopPatienceMs = 500;

/** How long the end may wait for a standby that takes over the devices one by one, ms: main ends a stop after 5 s. */
const handOverPatienceMs = 2000;

/** The composition root: the pools, today one, with what shows and operates them. Nothing in it is global. */
export class Plugin {
  readonly #config: Config;
  readonly #deps: Required<PluginDeps>;
  readonly #pool: Pool;
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
      ...deps,
    };
    const { clock, driver, log, version } = full;
    const { nodeName } = config;
    const wall = new WallClock(clock);
    const lag = new EventLoopLag(clock);
    const restarts = new RestartTracker(clock);
    const metrics = new Metrics({
      version,
      nodeName,
      deviceIds: driver.devices.map(({ id }) => id),
    });
    const pool = new Pool(config, { ...full, observer: metrics });
    const { inventory } = pool.devices;
    const file = new CordonFile(config.stateDir);
    const cordons = new CordonStore({ inventory, file, wall, log });
    const { numbers, usage } = pool.devices;
    const numbersFile = new PodNumbersFile(config.stateDir, readBootId());
    // The instance that serves shows the devices: the sums over instances would count them twice.
    const shown = <T>(list: () => readonly T[]): readonly T[] => (pool.standby() ? [] : list());
    metrics.show({
      devices: () => shown(() => inventory.list()),
      reasons: driver.reasons,
      registered: () => pool.registrar.status().registered,
      standby: () => pool.standby() !== undefined,
      activity: () => shown(() => pool.devices.activity()),
      relay: () => (pool.standby() ? undefined : driver.relay()),
      readyCameras: driver.devices.flatMap(({ id, nodes }) =>
        nodes.some(({ role }) => role === "feed") ? [id] : [],
      ),
      cordoned: (id) => cordons.cordons.has(id),
      retired: (id) => inventory.isHeld(id, "retired"),
      lagSeconds: () => lag.worst,
      owners: config.metricsOwners ? () => pool.podResources.owners() : undefined,
    });
    this.#config = config;
    this.#deps = full;
    this.#lag = lag;
    this.#restarts = restarts;
    this.#metrics = metrics;
    this.#pool = pool;
    this.#cordons = cordons;
    this.#podNumbers = new PodNumbersStore({ numbers, usage, file: numbersFile, log });
    const parts = { ...full, pool, cordons, restarts, lag, metrics, wall };
    this.#operations = new Operations(config, parts);
  }

  /** The devices and their health. */
  get inventory(): Inventory {
    return this.#pool.devices.inventory;
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

  /** How the registration is; see {@link RegistrarStatus}. */
  status(): RegistrarStatus {
    return this.#pool.registration();
  }

  /** Sets everything up again and inspects it: what SIGHUP asks for. */
  reinspect(): void {
    this.#deps.log.info("Inspecting everything again");
    this.#pool.reinspect();
  }

  /**
   * Runs until `signal` aborts, or only a new process can go on; stands by while another instance serves the resource. At
   * the end the work at the devices and the kubelet's calls come to a rest, then the registration ends, so that the kubelet sends no more pods
   * here, then a standby takes over. Devices stay as they are, unless the option says otherwise.
   *
   * @throws PluginError of what only a new process can help against; devices stay as they are.
   */
  async run(signal: AbortSignal): Promise<void> {
    const ending = AbortSignal.any([signal, this.#end.signal]);
    await this.#run(ending).finally(async () => {
      await this.#podNumbers.close();
      this.#pool.close();
    });
    if (this.#failure !== undefined && !signal.aborted) throw this.#failure;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    this.#cordons.load();
    this.#warnOfHidden();
    const later = new AbortController();
    const shown = [
      this.#supervise("lag", (until) => this.#lag.run(until), later.signal),
      this.#supervise("admin", (until) => this.#operations.runAdmin(until), later.signal),
      ...(this.#config.enableMetrics
        ? [this.#supervise("http", (until) => this.#operations.runHttp(until), later.signal)]
        : []),
    ];
    const hasStoodBy = await this.#pool.standBy(() => this.#cordons.reload(), signal);
    if (signal.aborted) {
      later.abort();
      await Promise.all(shown);
      return;
    }
    if (hasStoodBy) await this.#cordons.reload();
    // Not before: until now the other instance has written the file.
    this.#podNumbers.load();
    // The first list holds back what the file says of numbers.
    if (hasStoodBy) await this.#pool.devices.queue.inspect({ readOnly: true });
    const isReady = hasStoodBy && this.#pool.isSettled();
    this.#pool.serve();
    const working = isReady
      ? clock.sleep(registerFirstMs, signal).then(() => this.#work(signal))
      : this.#work(signal);
    const stopped = Promise.all([working, ...shown]).then(() => true);
    // The first list shall not be one of missing devices. A standby has inspected them.
    if (!isReady) {
      const { monitor } = this.#pool.devices;
      await Promise.race([monitor.ready, clock.sleep(firstInspectionMs, signal)]);
    }
    const offering = new AbortController();
    const offered = this.#supervise(
      "registrar",
      (until) => this.#pool.offer(until),
      offering.signal,
    );
    await aborted(signal);
    const abortedAt = clock.now();
    const giveUpAt = abortedAt + stopPatienceMs;
    // What is under way, above all a reset inside Allocate, ends before the stream does.
    const { calls, devices } = this.#pool;
    const atRest = Promise.all([devices.queue.idle(), this.#podNumbers.saved()]);
    await Promise.race([atRest, clock.sleep(stopPatienceMs)]);
    const hasRegistered = this.#handsOver() && (await this.#pool.letStandbyRegister());
    if (hasRegistered) {
      await clock.sleep(switchMs);
      await calls.untilQuiet(switchMs, stopPatienceMs);
    } else await calls.untilQuiet(quietMs, giveUpAt - clock.now());
    offering.abort();
    await Promise.all([offered, this.#podNumbers.saved()]);
    later.abort();
    const leaving = this.#handsOver() ? await this.#handOver(hasRegistered) : undefined;
    const patienceMs = leaving?.patienceMs ?? Math.max(0, giveUpAt - clock.now());
    const ended = Promise.all([stopped, leaving?.left]).then(() => true);
    if (!(await Promise.race([ended, clock.sleep(patienceMs)]))) {
      log.warn("Work at the devices abandoned", {
        waited_ms: clock.now() - abortedAt,
      });
      return;
    }
    if (this.#config.removeDevicesOnExit && this.#failure === undefined)
      await this.#pool.devices.maintenance.removeUnused();
  }

  /**
   * Lets a standby take over, and leaves the devices, unless work at them is under way, which ends with the process at the
   * latest.
   *
   * @returns what to wait for; undefined if that work goes on.
   */
  async #handOver(hasRegistered: boolean) {
    await this.#podNumbers.close();
    const hasStandby = hasRegistered || (await this.#pool.hasStandby());
    const left = this.#pool.handOver(hasStandby);
    if (left === undefined) return undefined;
    return { left, patienceMs: hasStandby ? handOverPatienceMs : stopPatienceMs };
  }

  /** What works at the devices until `signal` aborts. */
  async #work(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#supervise("monitor", (until) => this.#pool.monitor(until), signal),
      this.#supervise("maintenance", (until) => this.#pool.maintain(until), signal),
      this.#supervise("audit", (until) => this.#pool.audit(until), signal),
      ...(this.#config.nfdFeaturesDir
        ? [this.#supervise("features", (until) => this.#publishFeatures(until), signal)]
        : []),
    ]);
  }

  /** True unless the devices end with this process. */
  #handsOver(): boolean {
    return !this.#config.removeDevicesOnExit;
  }

  #warnOfHidden(): void {
    const { driver, log } = this.#deps;
    const hidden = hiddenDevices(this.#config.containerDevicePath, driver.devices);
    if (hidden === undefined) return;
    const { ids, detail, remedy } = hidden;
    log.warn("Devices hidden from many programs", { device_ids: ids, detail, remedy });
  }

  /** Publishes labels for NFD, once the driver has created the devices: until then the module may not be loaded. */
  async #publishFeatures(signal: AbortSignal): Promise<void> {
    const { driver } = this.#deps;
    const { nfdFeaturesDir: directory, resourceName, maxDevices, readyCameras } = this.#config;
    await Promise.race([this.#pool.devices.monitor.ready, aborted(signal)]);
    const features = () => ({
      resourceName,
      driver: driver.name,
      ...{ devices: maxDevices, readyCameras },
      ...driver.describe(),
    });
    if (!signal.aborted) await new NfdFeatures({ ...this.#deps, directory, features }).run(signal);
  }

  #supervise(name: string, run: Actor["run"], signal: AbortSignal): Promise<void> {
    this.#metrics.actorStarted(name);
    const onRestart = (actor: string) => {
      this.#metrics.actorRestarted(actor);
      this.#restarts.restarted(actor);
    };
    const onEnd = (error: PluginError) => {
      this.#failure ??= error;
      this.#end.abort();
    };
    return supervise({ name, run }, signal, { ...this.#deps, onRestart, onEnd });
  }
}
