import { dirname } from "node:path";
import type { Clock } from "../common/clock.ts";
import { aborted } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { watchDirectory } from "../common/watch-directory.ts";
import type { Config } from "../config/config.ts";
import type { PoolConfig } from "../config/pool-config.ts";
import { AllocationGate } from "../device-plugin/allocation-gate.ts";
import type { CallActivity } from "../device-plugin/call-activity.ts";
import { CdiWriter } from "../device-plugin/cdi/cdi-writer.ts";
import {
  type AllocationObserver,
  devicePluginService,
} from "../device-plugin/device-plugin-service.ts";
import { Registrar, type RegistrationObserver } from "../device-plugin/registrar.ts";
import type { RegistrationTimes } from "../device-plugin/registration.ts";
import { type AuditTimes, RegistrationAudit } from "../device-plugin/registration-audit.ts";
import { isInstanceSocket } from "../device-plugin/socket-file.ts";
import type { StandbyTimes } from "../device-plugin/standby.ts";
import { Devices, type DevicesObserver } from "../devices/devices.ts";
import { isHoldReason } from "../devices/inventory/device-status.ts";
import type { MaintenanceTimes } from "../devices/maintenance/maintenance-times.ts";
import type { PodNumbers } from "../devices/usage/pod-numbers.ts";
import type { VideoDriver } from "../drivers/driver.ts";
import { logInternalError } from "../observe/internal-error-log.ts";
import type { PodResourcesConnection } from "../pod-resources/connection.ts";
import { logOwners } from "../pod-resources/owner-log.ts";
import { PodResources, type PodResourcesObserver } from "../pod-resources/pod-resources.ts";
import { type OtherOffer, OtherOfferLog, overlapping } from "./other-offers.ts";
import type { TakeOverOrder } from "./standby.ts";
import { TakeOver } from "./take-over.ts";

/** Called for all that happens to the pool's devices and its registration. */
export interface PoolObserver
  extends AllocationObserver,
    RegistrationObserver,
    DevicesObserver,
    Pick<PodResourcesObserver, "podResourcesFailed"> {}

/** What the pools of a process share. */
export interface SharedParts {
  readonly connection: PodResourcesConnection;
  readonly calls: CallActivity;
  /** The device numbers that pods may have. */
  readonly numbers: PodNumbers;
  readonly order: TakeOverOrder;
}

export interface PoolDeps extends SharedParts {
  /** Its devices are the pool's. */
  readonly driver: VideoDriver;
  /** Numbers of the devices that other pools of the process list. */
  readonly otherNumbers: ReadonlySet<number>;
  /** Resource names of the other pools. */
  readonly otherPools: readonly string[];
  readonly log: Logger;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly registrationTimes: RegistrationTimes;
  readonly standbyTimes: StandbyTimes;
  readonly auditTimes: AuditTimes;
  readonly maintenanceTimes: MaintenanceTimes;
  readonly observer: PoolObserver;
}

/**
 * One pool of devices under one resource name: the devices, the device plugin service, its registration and the audit
 * of that. Nothing in it is global.
 */
export class Pool {
  readonly name: string;
  readonly resourceName: string;
  /** Template of the devices' paths in containers. */
  readonly path: string;
  readonly driver: VideoDriver;
  readonly log: Logger;
  readonly devices: Devices;
  readonly registrar: Registrar;
  readonly podResources: PodResources;
  readonly takeOver: TakeOver;
  /** Writes the pool's CDI devices; undefined without CDI. */
  readonly cdi: CdiWriter | undefined;
  readonly #audit: RegistrationAudit;
  readonly #gate: AllocationGate;
  #isServing = false;

  /** @param common The configuration of the process; the pool's own options count instead of those. */
  constructor(common: Config, pool: PoolConfig, deps: PoolDeps) {
    const { driver, log, clock, calls, connection, maintenanceTimes: times, observer } = deps;
    const { pollMs: intervalMs, restartGraceMs } = times;
    const config: Config = { ...common, ...pool.options };
    const { resourceName, socketPath } = config;
    const podResources = new PodResources(
      {
        ...{ resourceName, otherPools: deps.otherPools, intervalMs, restartGraceMs },
        socket: config.podResourcesSocket,
      },
      clock,
      {
        podResourcesFailed: (method, reason) => observer.podResourcesFailed(method, reason),
        ownersChanged: (news) => logOwners(log, news),
      },
      connection,
    );
    const inspectIntervalMs = config.healthCheckInterval * 1000;
    const inspections: DevicesObserver = {
      maintained: (...result) => observer.maintained(...result),
      inspected: (ms) => {
        observer.inspected(ms);
        // Another instance has the file while this one stands by.
        if (this.#isServing) void this.cdi?.write();
      },
    };
    const devices = new Devices({
      ...{ ...deps, times, inspectIntervalMs },
      source: podResources,
      observer: inspections,
    });
    const gate = new AllocationGate({ holdMs: deps.standbyTimes.besideMs, clock, log, observer });
    const view = {
      path: config.containerDevicePath,
      feedPath: config.containerFeedPath,
      variable: config.containerDeviceEnv,
    };
    const preStart = config.preStartContainer;
    const share = pool.kind === "devices" ? pool.share : 1;
    const isFree = (id: string) => devices.usage.use(id) === "free";
    this.cdi =
      pool.cdi === "off"
        ? undefined
        : new CdiWriter({
            ...{ directory: config.cdiDir, pool: { name: pool.name, resourceName, view } },
            ...{ devices: () => devices.inventory.list(), isFree, log },
          });
    const service = { devices, clock, log, observer, view, preStart, share, cdi: this.cdi };
    const registrar = new Registrar(
      { ...config, preStart, times: deps.registrationTimes },
      {
        ...deps,
        observer: restartObserver(devices, observer),
        onDefect: (method, error) => logInternalError(log, method.name, error),
        takeOver: () => this.takeOver.offerEarly(),
        service: (streams) => calls.counted(gate.gated(devicePluginService(service, streams))),
      },
    );
    const inspectMs = Math.min(inspectIntervalMs, intervalMs);
    this.takeOver = new TakeOver(
      { ...config, inspectMs, times: deps.standbyTimes },
      { ...deps, devices, registrar, podResources, gate },
    );
    this.name = pool.name;
    this.resourceName = resourceName;
    this.path = view.path;
    this.driver = driver;
    this.log = log;
    this.#gate = gate;
    this.devices = devices;
    this.podResources = podResources;
    this.registrar = registrar;
    const offerLog = new OtherOfferLog(log);
    this.#audit = new RegistrationAudit(
      {
        ...{ clock, log },
        allocatable: async (signal) => {
          const ids = await podResources.allocatable(signal);
          const others = this.otherOffers();
          offerLog.seen(others);
          devices.usage.sharedWithOthers(others.flatMap(({ deviceIds }) => deviceIds));
          return ids;
        },
        expected: () => offered(registrar, devices),
        watch: (notify, signal) => {
          const isInstance = (name: string) => isInstanceSocket(socketPath, name);
          watchDirectory(dirname(socketPath), isInstance, notify, signal, clock);
        },
        onNotListed: registrar.markNotListed,
      },
      deps.auditTimes,
    );
  }

  /** Allocates devices from now on: this instance has the lock, and knows what the last one left. */
  serve(): void {
    this.#isServing = true;
    this.#gate.open();
  }

  /** True if each device works, or is held back although it works. */
  isSettled(): boolean {
    const devices = this.devices.inventory.list();
    return devices.every(({ health, reason }) => health === "Healthy" || isHoldReason(reason));
  }

  /** Sets everything up again and inspects it. */
  reinspect(): void {
    this.devices.monitor.reinspectAll();
    this.registrar.reconcileSoon();
  }

  /** Creates and inspects the devices until `signal` aborts. */
  monitor(signal: AbortSignal): Promise<void> {
    return this.devices.monitor.run(signal);
  }

  /** Resets and repairs devices until `signal` aborts, once the driver has created them. */
  async maintain(signal: AbortSignal): Promise<void> {
    const { monitor, maintenance } = this.devices;
    await Promise.race([monitor.ready, aborted(signal)]);
    if (signal.aborted) return;
    if (this.driver.devices.some(({ cleaning }) => cleaning === "unavailable")) {
      this.log.warn("Devices can't be reset between pods on this node", {
        detail: "the driver can't reset single devices here: a pod may find what the last one left",
      });
    }
    await maintenance.run(signal);
  }

  /** Checks that the kubelet lists what was registered, until `signal` aborts. */
  audit(signal: AbortSignal): Promise<void> {
    return this.#audit.run(signal);
  }

  /** The pool's devices that other plugins offer to the kubelet as well, as the audit last saw it. */
  otherOffers(): OtherOffer[] {
    const ids = this.driver.devices.map(({ id }) => id);
    return overlapping(this.podResources.otherOffers, ids);
  }

  /** Closes the connection to the kubelet, and releases the lock. */
  close(): void {
    this.podResources.close();
    this.takeOver.release();
  }
}

/** A first registration says nothing of the kubelet's age; a further one is that of a kubelet which has restarted. */
function restartObserver(devices: Devices, observer: RegistrationObserver): RegistrationObserver {
  let wasRegistered = false;
  return {
    registered: () => {
      if (wasRegistered) devices.usage.kubeletRestarted();
      wasRegistered = true;
      observer.registered();
    },
    registerFailed: () => observer.registerFailed(),
    ended: (reason) => observer.ended(reason),
  };
}

/** IDs of the devices that the kubelet was sent as healthy; undefined while it isn't listening. */
function offered(registrar: Registrar, { inventory }: Devices): string[] | undefined {
  if (!registrar.status().registered) return undefined;
  return inventory.list().flatMap(({ id, health }) => (health === "Healthy" ? [id] : []));
}
