import { dirname } from "node:path";
import { readBootId } from "../common/boot-id.ts";
import type { Clock } from "../common/clock.ts";
import { aborted } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { Notify } from "../common/notify.ts";
import { watchDirectory } from "../common/watch-directory.ts";
import type { Config } from "../config/config.ts";
import { AllocationGate } from "../device-plugin/allocation-gate.ts";
import { CallActivity } from "../device-plugin/call-activity.ts";
import {
  type AllocationObserver,
  devicePluginService,
} from "../device-plugin/device-plugin-service.ts";
import {
  Registrar,
  type RegistrarStatus,
  type RegistrationObserver,
} from "../device-plugin/registrar.ts";
import type { RegistrationTimes } from "../device-plugin/registration.ts";
import { type AuditTimes, RegistrationAudit } from "../device-plugin/registration-audit.ts";
import { isInstanceSocket } from "../device-plugin/socket-file.ts";
import type { StandbyTimes } from "../device-plugin/standby.ts";
import { Devices, type DevicesObserver } from "../devices/devices.ts";
import { isHoldReason } from "../devices/inventory/device-status.ts";
import type { MaintenanceTimes } from "../devices/maintenance/maintenance-times.ts";
import type { VideoDriver } from "../drivers/driver.ts";
import { linuxCalls } from "../linux/linux-calls.ts";
import { logInternalError } from "../observe/internal-error-log.ts";
import { logOwners } from "../pod-resources/owner-log.ts";
import { PodResources, type PodResourcesObserver } from "../pod-resources/pod-resources.ts";
import { surplusNotListed } from "./allocated-at-start.ts";
import { readHandOver, stillClean, writeHandOver } from "./hand-over-note.ts";
import { type OtherOffer, OtherOfferLog, overlapping } from "./other-offers.ts";
import { Standby, type StandbyStatus } from "./standby.ts";

/** What of the configuration belongs to one pool. */
export type PoolConfig = Pick<
  Config,
  | "resourceName"
  | "kubeletSocket"
  | "socketPath"
  | "stateDir"
  | "podResourcesSocket"
  | "containerDevicePath"
  | "containerFeedPath"
  | "containerDeviceEnv"
  | "preStartContainer"
  | "healthCheckInterval"
>;

/** Called for all that happens to the pool's devices and its registration. */
export interface PoolObserver
  extends AllocationObserver,
    RegistrationObserver,
    DevicesObserver,
    Pick<PodResourcesObserver, "podResourcesFailed"> {}

export interface PoolDeps {
  /** Its devices are the pool's. */
  readonly driver: VideoDriver;
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
 * of that. Nothing in it is global, so that a plugin can have several.
 */
export class Pool {
  readonly devices: Devices;
  readonly registrar: Registrar;
  readonly podResources: PodResources;
  readonly calls: CallActivity;
  readonly #audit: RegistrationAudit;
  readonly #standby: Standby;
  readonly #gate: AllocationGate;
  /** The registration from before this instance has the lock. */
  #early: EarlyOffer | undefined;
  #hasStoodBy = false;
  readonly #inspectIntervalMs: number;
  readonly #deps: PoolDeps;

  constructor(config: PoolConfig, deps: PoolDeps) {
    const { log, clock, maintenanceTimes: times, observer } = deps;
    const { pollMs: intervalMs, restartGraceMs } = times;
    const { resourceName, podResourcesSocket: socket } = config;
    this.#deps = deps;
    const podResources = new PodResources(
      { socket, resourceName, intervalMs, restartGraceMs },
      clock,
      {
        podResourcesFailed: (method, reason) => observer.podResourcesFailed(method, reason),
        ownersChanged: (news) => logOwners(log, news),
      },
    );
    const inspectIntervalMs = config.healthCheckInterval * 1000;
    const devices = new Devices({ ...deps, source: podResources, times, inspectIntervalMs });
    const calls = new CallActivity(clock);
    const gate = new AllocationGate({ holdMs: deps.standbyTimes.besideMs, clock, log, observer });
    const registrar = new Registrar(
      { ...config, preStart: config.preStartContainer, times: deps.registrationTimes },
      {
        ...deps,
        observer: restartObserver(devices, observer),
        onDefect: (method, error) => logInternalError(log, method.name, error),
        takeOver: () => this.#offerEarly(),
        service: (streams) =>
          calls.counted(
            gate.gated(
              devicePluginService(
                {
                  ...{ devices, clock, log, observer },
                  view: {
                    path: config.containerDevicePath,
                    feedPath: config.containerFeedPath,
                    variable: config.containerDeviceEnv,
                  },
                  preStart: config.preStartContainer,
                },
                streams,
              ),
            ),
          ),
      },
    );
    const { allocatable } = podResources;
    this.#standby = new Standby(
      { ...config, times: deps.standbyTimes },
      {
        ...{ ...deps, calls: linuxCalls(), allocatable },
        socketPath: () => registrar.status().socketPath,
      },
    );
    this.#inspectIntervalMs = inspectIntervalMs;
    this.#gate = gate;
    this.calls = calls;
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
          const isInstance = (name: string) => isInstanceSocket(config.socketPath, name);
          watchDirectory(dirname(config.socketPath), isInstance, notify, signal, clock);
        },
        onNotListed: registrar.markNotListed,
      },
      deps.auditTimes,
    );
  }

  /** The registration, or the standby before it. */
  registration(): RegistrarStatus {
    const standby = this.#standby.status();
    if (standby === undefined) return this.registrar.status();
    const { since } = standby;
    return { reason: "standby", since, registered: false, socketPath: undefined, streams: 0 };
  }

  /** The standby that is under way; undefined if there is none. */
  standby(): StandbyStatus | undefined {
    return this.#standby.status();
  }

  /**
   * Resolves when no other instance serves the resource, or `signal` aborts. Meanwhile the devices are inspected, and
   * nothing is changed; `reload` is called after each inspection, and reads what the other instance may have written.
   *
   * @returns true if another instance has served until now.
   */
  async standBy(reload: () => Promise<void>, signal: AbortSignal): Promise<boolean> {
    const { log } = this.#deps;
    const over = new AbortController();
    const stop = AbortSignal.any([signal, over.signal]);
    try {
      const takeOver = await this.#standby.untilAlone(
        () => void this.#observe(reload, stop),
        signal,
      );
      if (takeOver === undefined) {
        await this.registrar.discard();
        return false;
      }
      const handOver = readHandOver(takeOver.note);
      if (handOver !== undefined) {
        const { inventory, usage } = this.devices;
        const { driver } = this.#deps;
        const now = { driver: driver.name, bootId: readBootId() };
        const clean = stillClean(handOver, now, inventory.identities());
        usage.handedOver({ clean, unlisted: handOver.unlisted });
        log.info("Clean devices known from the last instance", { device_ids: clean });
      }
      this.#hasStoodBy = takeOver.stoodBy;
      return takeOver.stoodBy;
    } finally {
      over.abort();
      if (signal.aborted) await this.#withdraw();
    }
  }

  /** Allocates devices from now on: this instance has the lock, and knows what the last one left. */
  serve(): void {
    this.#gate.open();
  }

  /** True if each device works, or is held back although it works. */
  isSettled(): boolean {
    const devices = this.devices.inventory.list();
    return devices.every(({ health, reason }) => health === "Healthy" || isHoldReason(reason));
  }

  /**
   * Registers while the instance that has the lock still serves, and holds the calls about pods until {@link serve}. If the
   * lock does not come in time, the registration ends, and this instance stands by as before.
   *
   * @returns true once the kubelet reads the list of devices; false if this instance can't take over.
   */
  async #offerEarly(): Promise<boolean> {
    const { clock, log, standbyTimes: times } = this.#deps;
    const devices = this.devices.inventory.list();
    const isInspected = devices.every(({ reason }) => reason !== "unknown");
    // Where no device works, this instance has to create them first: an offer of none would replace one of some.
    const isUseful = isInspected && devices.some(({ health }) => health === "Healthy");
    if (!this.#standby.waitsForLock || this.#early !== undefined || !isUseful) return false;
    log.info("Registering before the last instance ends", {
      next: "allocating devices once that instance has released the lock",
    });
    this.#gate.close();
    const stop = new AbortController();
    const running = this.#offer(stop.signal, times.besideMs);
    this.#early = { stop, running };
    // Its errors are those of `offer`, which goes on with it.
    const ended = running.then(
      () => false,
      () => false,
    );
    if (!(await Promise.race([this.registrar.untilListed(times.besideMs), ended]))) {
      await this.#withdraw();
      return false;
    }
    void clock.sleep(times.besideMs).then(async () => {
      if (!this.#standby.waitsForLock || this.#early?.stop !== stop) return;
      log.warn("The last instance still serves", {
        waited_ms: times.besideMs,
        next: "ending the registration, and standing by",
      });
      await this.#withdraw();
    });
    return true;
  }

  /** Ends a registration from before this instance has the lock. */
  async #withdraw(): Promise<void> {
    const early = this.#early;
    this.#early = undefined;
    early?.stop.abort();
    await early?.running.catch(() => undefined);
  }

  /**
   * Lets a standby register before this instance's stream ends, so that the kubelet always has one. Does nothing at kubelets
   * that disconnect both then.
   *
   * @returns true if one has registered.
   */
  letStandbyRegister(): Promise<boolean> {
    return this.registrar.letStandbyRegister();
  }

  /** True if an instance stands by and has not registered. */
  hasStandby(): Promise<boolean> {
    return this.registrar.hasStandby();
  }

  /**
   * Leaves the devices, and lets a standby take over, with what is known of them. Only if the registration has ended; not
   * if work at the driver is under way.
   *
   * @returns what resolves when the driver has left the devices; undefined if that work goes on.
   */
  handOver(hasStandby: boolean): Promise<void> | undefined {
    const { usage, inventory, queue } = this.devices;
    if (queue.busy() !== undefined) return undefined;
    // Begins before the standby does, so that the driver misses none of its steps.
    const left = this.#deps.driver.leave({ hasSuccessor: hasStandby });
    const identities = inventory.identities();
    const { clean, unlisted } = usage.known();
    const identified = clean.flatMap((id) => {
      const identity = identities.get(id);
      return identity === undefined ? [] : [[id, identity] as const];
    });
    const driver = this.#deps.driver.name;
    const note = { driver, bootId: readBootId(), clean: new Map(identified), unlisted };
    this.#standby.release(writeHandOver(note));
    return left;
  }

  /** Inspects the devices on events and on a timer, and asks who owns them, until `signal` aborts. */
  async #observe(reload: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { driver, clock, maintenanceTimes } = this.#deps;
    const changed = new Notify();
    driver.watch(changed.notify, signal);
    await this.registrar.prepare(signal);
    const waitMs = Math.min(this.#inspectIntervalMs, maintenanceTimes.pollMs);
    while (!signal.aborted) {
      await this.devices.queue.inspect({ readOnly: true });
      await reload();
      // For people only: what use it shows is out of date when this instance takes over.
      await this.podResources.podDevices(signal).catch(() => undefined);
      await changed.wait(clock, waitMs, signal);
    }
  }

  /** Sets everything up again and inspects it; a standby's next inspection comes soon anyway. */
  reinspect(): void {
    if (this.standby() !== undefined) return;
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
    if (this.#deps.driver.devices.some(({ cleaning }) => cleaning === "unavailable")) {
      this.#deps.log.warn("Devices can't be reset between pods on this node", {
        detail: "the driver can't reset single devices here: a pod may find what the last one left",
      });
    }
    await maintenance.run(signal);
  }

  /**
   * Offers the devices to the kubelet until `signal` aborts; then the kubelet counts none. The kubelet is asked first
   * which devices pods own: the first list must not offer one that a pod owns under another resource name.
   *
   * @throws PluginError if only a new process can go on: see {@link surplusNotListed}, {@link Registrar.run}.
   */
  async offer(signal: AbortSignal): Promise<void> {
    const early = this.#early;
    if (early === undefined) return this.#offer(signal);
    this.#early = undefined;
    const stop = () => early.stop.abort();
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    await early.running;
  }

  async #offer(signal: AbortSignal, besideMs?: number): Promise<void> {
    const owned = await this.devices.usage.askNow();
    const hasStoodBy = this.#hasStoodBy || besideMs !== undefined;
    if (hasStoodBy && owned !== undefined) {
      const missing = surplusNotListed(owned, this.#deps.driver.devices);
      if (missing !== undefined) {
        await this.registrar.discard();
        throw missing;
      }
    }
    await this.registrar.run(signal, besideMs);
  }

  /** Checks that the kubelet lists what was registered, until `signal` aborts. */
  audit(signal: AbortSignal): Promise<void> {
    return this.#audit.run(signal);
  }

  /** The pool's devices that other plugins offer to the kubelet as well, as the audit last saw it. */
  otherOffers(): OtherOffer[] {
    const ids = this.#deps.driver.devices.map(({ id }) => id);
    return overlapping(this.podResources.otherOffers, ids);
  }

  /** Closes the connection to the kubelet, and releases the lock. */
  close(): void {
    this.podResources.close();
    this.#standby.release();
  }
}

/** A registration under way. */
interface EarlyOffer {
  readonly stop: AbortController;
  readonly running: Promise<void>;
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
