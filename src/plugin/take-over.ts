import { readBootId } from "../common/boot-id.ts";
import type { Clock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { Notify } from "../common/notify.ts";
import type { AllocationGate } from "../device-plugin/allocation-gate.ts";
import type { Registrar } from "../device-plugin/registrar.ts";
import type { StandbyTimes } from "../device-plugin/standby.ts";
import type { Devices } from "../devices/devices.ts";
import type { VideoDriver } from "../drivers/driver.ts";
import { linuxCalls } from "../linux/linux-calls.ts";
import type { PodResources } from "../pod-resources/pod-resources.ts";
import { surplusNotListed } from "./allocated-at-start.ts";
import { readHandOver, stillClean, writeHandOver } from "./hand-over-note.ts";
import { Standby, type StandbyOptions, type StandbyStatus, type TakeOverOrder } from "./standby.ts";

export interface TakeOverOptions extends StandbyOptions {
  /** Longest time between two inspections of a standby, ms. */
  readonly inspectMs: number;
}

export interface TakeOverDeps {
  readonly driver: VideoDriver;
  readonly devices: Devices;
  readonly registrar: Registrar;
  readonly podResources: PodResources;
  readonly gate: AllocationGate;
  readonly order: TakeOverOrder;
  /** Numbers of the devices that other pools of the process list. */
  readonly otherNumbers: ReadonlySet<number>;
  readonly standbyTimes: StandbyTimes;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A registration under way. */
interface EarlyOffer {
  readonly stop: AbortController;
  readonly running: Promise<void>;
}

/**
 * How a pool comes to offer its devices after another instance, and leaves them to the next one: it stands by, may register
 * while that one still serves, takes over what it knew, and says at its end what this one knows.
 */
export class TakeOver {
  readonly #options: TakeOverOptions;
  readonly #deps: TakeOverDeps;
  readonly #standby: Standby;
  /** The registration from before this instance has the lock. */
  #early: EarlyOffer | undefined;
  #hasStoodBy = false;

  constructor(options: TakeOverOptions, deps: TakeOverDeps) {
    const { registrar, order, podResources } = deps;
    const { resourceName } = options;
    this.#options = options;
    this.#deps = deps;
    this.#standby = new Standby(options, {
      ...{ ...deps, calls: linuxCalls(), allocatable: podResources.allocatable },
      isTurn: () => order.isTurnOf(resourceName),
      socketPath: () => registrar.status().socketPath,
    });
  }

  /** The standby that is under way; undefined if there is none. */
  standby(): StandbyStatus | undefined {
    return this.#standby.status();
  }

  /**
   * Resolves when no other instance serves the resource and it is the pool's turn, or `signal` aborts. Calls `onStandby`
   * once before it waits for another instance.
   *
   * @returns true if another instance has served until now.
   */
  async untilAlone(onStandby: () => void, signal: AbortSignal): Promise<boolean> {
    const ended = await this.#standby.untilAlone(onStandby, signal);
    if (ended === undefined) {
      await this.#deps.registrar.discard();
      return false;
    }
    this.#takeIn(ended.note);
    this.#hasStoodBy = ended.stoodBy;
    this.#deps.order.done(this.#options.resourceName);
    return ended.stoodBy;
  }

  #takeIn(note: string): void {
    const handOver = readHandOver(note);
    if (handOver === undefined) return;
    const { driver, devices, log } = this.#deps;
    const now = { driver: driver.name, bootId: readBootId() };
    const clean = stillClean(handOver, now, devices.inventory.identities());
    devices.usage.handedOver({ clean, unlisted: handOver.unlisted });
    log.info("Clean devices known from the last instance", { device_ids: clean });
  }

  /**
   * For a standby: inspects the devices on events and on a timer, changes nothing, and asks who owns them, until `signal`
   * aborts. Calls `reload` after each inspection, which reads what the other instance may have written.
   */
  async observe(reload: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { driver, devices, registrar, podResources, clock } = this.#deps;
    const changed = new Notify();
    driver.watch(changed.notify, signal);
    await registrar.prepare(signal);
    while (!signal.aborted) {
      await devices.queue.inspect({ readOnly: true });
      await reload();
      // For people only: what use it shows is out of date when this instance takes over.
      await podResources.podDevices(signal).catch(() => undefined);
      await changed.wait(clock, this.#options.inspectMs, signal);
    }
  }

  /**
   * Registers while the instance that has the lock still serves, and holds the calls about pods until this one serves. If the
   * lock does not come in time, the registration ends, and this instance stands by as before.
   *
   * @returns true once the kubelet reads the list of devices; false if this instance can't take over.
   */
  async offerEarly(): Promise<boolean> {
    const { clock, log, registrar, gate, standbyTimes: times } = this.#deps;
    const devices = this.#deps.devices.inventory.list();
    const isInspected = devices.every(({ reason }) => reason !== "unknown");
    // Where no device works, this instance has to create them first: an offer of none would replace one of some.
    const isUseful = isInspected && devices.some(({ health }) => health === "Healthy");
    if (!this.#standby.waitsForLock || this.#early !== undefined || !isUseful) return false;
    log.info("Registering before the last instance ends", {
      next: "allocating devices once that instance has released the lock",
    });
    gate.close();
    const stop = new AbortController();
    const running = this.#offer(stop.signal, times.besideMs);
    this.#early = { stop, running };
    // Its errors are those of `offer`, which goes on with it.
    const ended = running.then(
      () => false,
      () => false,
    );
    if (!(await Promise.race([registrar.untilListed(times.besideMs), ended]))) {
      await this.withdraw();
      return false;
    }
    void clock.sleep(times.besideMs).then(async () => {
      if (!this.#standby.waitsForLock || this.#early?.stop !== stop) return;
      log.warn("The last instance still serves", {
        waited_ms: times.besideMs,
        next: "ending the registration, and standing by",
      });
      await this.withdraw();
    });
    return true;
  }

  /** Ends a registration from before this instance has the lock. */
  async withdraw(): Promise<void> {
    const early = this.#early;
    this.#early = undefined;
    early?.stop.abort();
    await early?.running.catch(() => undefined);
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
    const { driver, devices, registrar, otherNumbers } = this.#deps;
    const owned = await devices.usage.askNow();
    const hasStoodBy = this.#hasStoodBy || besideMs !== undefined;
    if (hasStoodBy && owned !== undefined) {
      const missing = surplusNotListed(owned, driver.devices, otherNumbers);
      if (missing !== undefined) {
        await registrar.discard();
        throw missing;
      }
    }
    await registrar.run(signal, besideMs);
  }

  /**
   * Leaves the devices, and lets a standby take over, with what is known of them. Only if the registration has ended; not
   * if work at the driver is under way, which ends with the process at the latest.
   *
   * @returns what resolves when the driver has left the devices; undefined if that work goes on.
   */
  handOver(hasStandby: boolean): Promise<void> | undefined {
    const { driver, devices } = this.#deps;
    const { usage, inventory, queue } = devices;
    if (queue.busy() !== undefined) return undefined;
    // Begins before the standby does, so that the driver misses none of its steps.
    const left = driver.leave({ hasSuccessor: hasStandby });
    const identities = inventory.identities();
    const { clean, unlisted } = usage.known();
    const identified = clean.flatMap((id) => {
      const identity = identities.get(id);
      return identity === undefined ? [] : [[id, identity] as const];
    });
    const note = {
      driver: driver.name,
      bootId: readBootId(),
      clean: new Map(identified),
      unlisted,
    };
    this.#standby.release(writeHandOver(note));
    return left;
  }

  /** Releases the lock. */
  release(): void {
    this.#standby.release();
  }
}
