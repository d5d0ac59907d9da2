import { dirname } from "node:path";
import { aborted } from "../common/aborted.ts";
import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { watchDirectory } from "../common/watch-directory.ts";
import type { Config } from "../config/config.ts";
import {
  type AllocationObserver,
  devicePluginService,
} from "../device-plugin/device-plugin-service.ts";
import { Registrar, type RegistrationObserver } from "../device-plugin/registrar.ts";
import type { RegistrationTimes } from "../device-plugin/registration.ts";
import { type AuditTimes, RegistrationAudit } from "../device-plugin/registration-audit.ts";
import { isInstanceSocket } from "../device-plugin/socket-file.ts";
import { Inventory } from "../devices/inventory/inventory.ts";
import { Maintenance } from "../devices/maintenance/maintenance.ts";
import type { MaintenanceTimes } from "../devices/maintenance/maintenance-times.ts";
import { DeviceMonitor } from "../devices/maintenance/monitor.ts";
import type { MaintenanceObserver } from "../devices/maintenance/run-maintenance.ts";
import { AllocationHistory } from "../devices/usage/allocation-history.ts";
import type { VideoDriver } from "../drivers/driver.ts";
import { logInternalError } from "../observe/internal-error-log.ts";
import { logOwners } from "../pod-resources/owner-log.ts";
import { PodResources, type PodResourcesObserver } from "../pod-resources/pod-resources.ts";

/** What of the configuration is of one pool. */
export type PoolUnitConfig = Pick<
  Config,
  | "resourceName"
  | "kubeletSocket"
  | "socketPath"
  | "podResourcesSocket"
  | "containerDevicePath"
  | "preStartContainer"
  | "healthCheckInterval"
>;

/** Told of everything that happens to the pool's devices and its registration. */
export interface PoolUnitObserver
  extends AllocationObserver,
    RegistrationObserver,
    MaintenanceObserver,
    Pick<PodResourcesObserver, "podResourcesFailed"> {
  /** All devices were looked at, which took `ms`. */
  inspected(ms: number): void;
}

export interface PoolUnitDeps {
  /** Its list of devices is the pool's. */
  readonly driver: VideoDriver;
  readonly log: Logger;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly registrationTimes: RegistrationTimes;
  readonly auditTimes: AuditTimes;
  readonly maintenanceTimes: MaintenanceTimes;
  readonly observer: PoolUnitObserver;
}

/**
 * One pool of devices under one resource name: the pool, the watch over it and the care for it, its service, its
 * registration and the audit of that. It knows nothing of how it is seen and operated, so that a plugin can have
 * several.
 */
export class PoolUnit {
  readonly pool: Inventory;
  readonly monitor: DeviceMonitor;
  readonly maintenance: Maintenance;
  readonly registrar: Registrar;
  readonly podResources: PodResources;
  readonly #audit: RegistrationAudit;
  readonly #deps: PoolUnitDeps;
  #registeredBefore = false;

  constructor(config: PoolUnitConfig, deps: PoolUnitDeps) {
    const { driver, log, clock, random, maintenanceTimes, observer } = deps;
    this.#deps = deps;
    this.pool = new Inventory(driver.devices, clock);
    this.podResources = new PodResources(
      {
        socket: config.podResourcesSocket,
        resourceName: config.resourceName,
        intervalMs: maintenanceTimes.pollMs,
        restartGraceMs: maintenanceTimes.restartGraceMs,
      },
      clock,
      {
        podResourcesFailed: (method, reason) => observer.podResourcesFailed(method, reason),
        ownersChanged: (news) => logOwners(log, news),
      },
    );
    this.monitor = new DeviceMonitor(
      { intervalMs: config.healthCheckInterval * 1000 },
      {
        driver,
        pool: this.pool,
        clock,
        log,
        random,
        onInspected: (ms) => observer.inspected(ms),
        onEnsured: (report) => this.maintenance.ensured(report),
        excusesMark: (id) => this.maintenance.excusesMark(id),
        mayRemake: (id) => this.maintenance.isFree(id),
      },
    );
    this.maintenance = new Maintenance({
      driver,
      monitor: this.monitor,
      pool: this.pool,
      listed: this.podResources.devicesOfPods,
      watchListed: this.podResources.watch,
      clock,
      log,
      random,
      observer,
      times: maintenanceTimes,
    });
    this.registrar = this.#makeRegistrar(config);
    this.#audit = new RegistrationAudit(
      {
        clock,
        log,
        allocatable: this.podResources.allocatable,
        expected: () => this.#offered(),
        watch: (notify, signal) => {
          const isInstance = (name: string) => isInstanceSocket(config.socketPath, name);
          watchDirectory(dirname(config.socketPath), isInstance, notify, signal, clock);
        },
        onNotListed: this.registrar.markNotListed,
      },
      deps.auditTimes,
    );
  }

  /** Sets everything up anew and looks at all of it. */
  reinspect(): void {
    this.monitor.reinspectAll();
    this.registrar.reconcileSoon();
  }

  /** Makes and watches the devices until `signal` aborts. */
  watch(signal: AbortSignal): Promise<void> {
    return this.monitor.run(signal);
  }

  /** Cleans and heals devices until `signal` aborts. Not before they were made: until then nobody knows what can be done. */
  async takeCare(signal: AbortSignal): Promise<void> {
    await Promise.race([this.monitor.ready, aborted(signal)]);
    if (signal.aborted) return;
    if (!this.#deps.driver.capabilities().reset) {
      this.#deps.log.warn("Devices can't be cleaned between pods on this node", {
        detail: "the driver can't reset single devices here: a pod may find what the last one left",
      });
    }
    await this.maintenance.run(signal);
  }

  /** Offers the devices to the kubelet until `signal` aborts; then it is told that there are none. */
  offer(signal: AbortSignal): Promise<void> {
    return this.registrar.run(signal);
  }

  /** Sees to it that the kubelet means what the registration says, until `signal` aborts. */
  audit(signal: AbortSignal): Promise<void> {
    return this.#audit.run(signal);
  }

  /** Lets go of the kubelet. */
  close(): void {
    this.podResources.close();
  }

  #makeRegistrar(config: PoolUnitConfig): Registrar {
    const { log, clock, random, observer, registrationTimes } = this.#deps;
    const history = new AllocationHistory();
    return new Registrar(
      {
        resourceName: config.resourceName,
        kubeletSocket: config.kubeletSocket,
        socketPath: config.socketPath,
        preStart: config.preStartContainer,
        times: registrationTimes,
      },
      {
        clock,
        log,
        random,
        observer: {
          registered: () => this.#onRegistered(),
          registerFailed: () => observer.registerFailed(),
          ended: (reason) => observer.ended(reason),
        },
        onDefect: (method, error) => logInternalError(log, method.name, error),
        service: (streams) =>
          devicePluginService(
            {
              pool: this.pool,
              history,
              clock,
              log,
              containerDevicePath: config.containerDevicePath,
              claim: (ids, give) => this.maintenance.claim(ids, give),
              preStart: config.preStartContainer
                ? (ids) => this.maintenance.prepare(ids)
                : undefined,
              inspectSoon: this.monitor.inspectSoon,
              observer,
            },
            streams,
          ),
      },
    );
  }

  /** A first registration says nothing of the kubelet's age; a further one is a kubelet's that began anew. */
  #onRegistered(): void {
    if (this.#registeredBefore) this.maintenance.kubeletRestarted();
    this.#registeredBefore = true;
    this.#deps.observer.registered();
  }

  /** IDs of the devices that the kubelet was told are healthy; undefined while it isn't listening. */
  #offered(): string[] | undefined {
    if (!this.registrar.status().registered) return undefined;
    return this.pool.list().flatMap(({ id, health }) => (health === "Healthy" ? [id] : []));
  }
}
