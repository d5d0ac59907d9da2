import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { DeviceStatus } from "../inventory/device-status.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { nextStep } from "../inventory/next-step.ts";
import type { UsageTracker } from "../usage/usage-tracker.ts";
import type { DriverQueue, DriverTurn } from "./driver-queue.ts";
import type { HeldDevices } from "./held-devices.ts";
import type { MaintenanceRecords } from "./maintenance-record.ts";
import type { MaintenanceTimes } from "./maintenance-times.ts";
import type { DeviceMonitor } from "./monitor.ts";
import type { MaintenanceRunner } from "./run-maintenance.ts";

export interface AllocationGuardDeps {
  readonly inventory: Pick<Inventory, "require" | "hold" | "isHeld">;
  readonly usage: UsageTracker;
  readonly queue: DriverQueue;
  readonly runner: MaintenanceRunner;
  readonly held: Pick<HeldDevices, "hold">;
  readonly records: MaintenanceRecords;
  readonly monitor: Pick<DeviceMonitor, "inspectSoon">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly times: Pick<
    MaintenanceTimes,
    "allocateMs" | "prepareMs" | "reallocateMs" | "closeMs" | "tolerated"
  >;
}

/** Between two looks at a device that is to be closed, ms. */
const closePauseMs = 50;

/** Sees to it that a container gets only devices that are healthy, and clean if they can be cleaned. */
export class AllocationGuard {
  readonly #deps: AllocationGuardDeps;

  constructor(deps: AllocationGuardDeps) {
    this.#deps = deps;
  }

  /**
   * Allocates devices: at once if they are known to be clean and no process holds them open, else after a reset. If it
   * throws, none is allocated, and a device that would be refused again and again leaves the offer.
   *
   * @returns the devices as they are at that moment, in the order of `ids`, each once.
   * @throws PluginError `device_unknown`, `device_unhealthy`, `device_held`, `timed_out`, or why a reset failed.
   */
  allocate(ids: readonly string[]): Promise<DeviceStatus[]> {
    return this.#refusing(() => this.#allocate(ids));
  }

  /**
   * A container with these devices is about to start: they are reset. One that is open is left as it is, since the
   * process that holds it is the container's own pod: no other pod owns the device.
   *
   * @throws PluginError `device_unknown`, `device_unhealthy`, `timed_out`, or why a reset failed.
   */
  prepare(ids: readonly string[]): Promise<void> {
    return this.#refusing(() => this.#prepareAll(ids));
  }

  /** Inspects after a refusal, since the kubelet believed the device to be healthy. */
  async #refusing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#deps.monitor.inspectSoon();
      throw error;
    }
  }

  async #allocate(ids: readonly string[]): Promise<DeviceStatus[]> {
    const { usage, records, queue } = this.#deps;
    const requested = [...new Set(ids)];
    this.#healthy(requested);
    // Even if it is refused: the next pod shall get another one.
    usage.requested(requested);
    if (requested.some((id) => usage.isShared(id))) {
      await usage.askNow();
      this.#healthy(requested);
    }
    const unready: string[] = [];
    for (const id of requested) if (!(await this.#isReady(id))) unready.push(id);
    if (unready.length > 0) await this.#cleanAll(unready);
    for (const id of requested) await queue.confirm(id);
    // No await between this check and the mark: what came to light while a device was reset counts.
    const devices = this.#healthy(requested);
    usage.allocated(requested);
    for (const id of requested) {
      const record = records.get(id);
      if (record !== undefined) record.refusals = 0;
    }
    return devices;
  }

  /** @throws PluginError `device_held`, `timed_out`, or why a reset failed. */
  async #cleanAll(ids: readonly string[]): Promise<void> {
    const { queue, times } = this.#deps;
    const what = `the cleaning of ${ids.join(", ")}`;
    let current: string | undefined;
    try {
      await queue.run({ what, devices: ids, timeoutMs: times.allocateMs }, async (turn) => {
        for (const id of ids) {
          if (turn.isOver) return;
          current = id;
          await this.#clean(turn, id);
        }
      });
    } catch (reason) {
      const error = PluginError.from(reason);
      for (const id of current === undefined ? ids : [current]) this.#refused(id, error);
      throw error;
    }
  }

  /** No device is offered and refused for ever, whatever the cause: after some refusals it leaves the offer. */
  #refused(id: string, error: PluginError): void {
    const { inventory, usage, held, records, log, times } = this.#deps;
    const record = records.get(id);
    // One that is unhealthy has left the offer already.
    if (record === undefined || error.code === "device_unhealthy") return;
    record.refusals += 1;
    usage.refused(id);
    if (error.code === "device_held") return;
    if (error.code === "device_busy" || usage.facts(id).open === true) {
      void held.hold(id);
      return;
    }
    if (inventory.require(id).cleaning !== "reset" || inventory.isHeld(id, "unclean")) return;
    if (record.refusals < times.tolerated) return;
    const detail = `Its last ${record.refusals} allocations were refused: ${error.message}`;
    inventory.hold(id, "unclean", detail);
    log.warn("Device no longer offered", {
      device_id: id,
      reason: "unclean",
      refusals: record.refusals,
      ...error.fields(),
      next: nextStep({ reason: "unclean", fix: "none" }),
    });
  }

  async #prepareAll(ids: readonly string[]): Promise<void> {
    const { usage, queue, times } = this.#deps;
    const devices = this.#startable(ids);
    usage.started(ids);
    const resettable = devices.filter(({ cleaning }) => cleaning === "reset").map(({ id }) => id);
    const what = `the reset of ${ids.join(", ")}`;
    await queue.run({ what, devices: ids, timeoutMs: times.prepareMs }, async (turn) => {
      if (resettable.length === 0) return turn.inspect();
      for (const id of resettable) if (!turn.isOver) await this.#prepare(turn, id);
    });
    // It may have come to light just now that one is broken.
    this.#startable(ids);
  }

  /** @throws PluginError `device_unknown`, `device_unhealthy`. */
  #healthy(ids: readonly string[]): DeviceStatus[] {
    return ids.map((id) => healthy(this.#deps.inventory.require(id)));
  }

  /** A cordon takes a device from no pod that owns it. @throws PluginError `device_unknown`, `device_unhealthy`. */
  #startable(ids: readonly string[]): DeviceStatus[] {
    return ids.map((id) => {
      const device = this.#deps.inventory.require(id);
      return device.reason === "cordoned" ? device : healthy(device);
    });
  }

  /** True if Allocate may answer from memory, but for a look whether a process holds the device open. */
  async #isReady(id: string): Promise<boolean> {
    const { inventory, usage, queue } = this.#deps;
    const canReset = inventory.require(id).cleaning === "reset";
    if (canReset && (usage.cleanliness(id) !== "clean" || queue.isWorkingOn(id))) return false;
    const open = await queue.isOpen(id);
    usage.seenOpen(id, open);
    return open !== true;
  }

  /** Before a device is allocated. */
  async #clean(turn: DriverTurn, id: string): Promise<void> {
    const { inventory, clock, usage, runner, held, times } = this.#deps;
    const device = inventory.require(id);
    const canReset = device.cleaning === "reset";
    const { allocatedAt, listedSince, open: wasOpen } = usage.facts(id);
    if (canReset ? usage.cleanliness(id) === "clean" : wasOpen !== true) return;
    const sinceAllocatedMs = allocatedAt === undefined ? undefined : clock.now() - allocatedAt;
    const seen = await turn.isOpen(id);
    const known = { sinceAllocatedMs, listedSince, listed: undefined, open: seen };
    if (planAllocation(known, times.reallocateMs) === "keep") return;
    const listed = (await usage.askNow())?.has(id);
    // The answer may have named a pod that owns it under another resource name.
    this.#healthy([id]);
    const open = listed === true ? undefined : await this.#staysOpen(turn, id);
    if (listed !== true) usage.seenOpen(id, open);
    const plan = planAllocation({ ...known, listed, open }, times.reallocateMs);
    // What a process had open that is none of the pod's is reset, even if that has closed it.
    if (plan === "keep" && (listed === true || seen !== true)) return;
    // No pod owns it, then, until it is allocated.
    usage.refused(id);
    if (plan !== "refuse") {
      if (canReset) await runner.run(turn, { kind: "reset", id }, { reason: "allocate" });
      return;
    }
    const unseen =
      listed === undefined
        ? "a process of an unknown pod"
        : "a process of no pod that the kubelet lists";
    const path = device.nodes[0].hostPath;
    const holders = await held.hold(id);
    const message = `${id} is held open by ${holders || unseen}, so it can't be ${canReset ? "reset" : "allocated"}.`;
    throw new PluginError("device_held", message, {
      remedy: holders
        ? `Stop it on the host, or have it ignore ${path}.`
        : `Find the process on the host: fuser -v ${path}`,
    });
  }

  /** True if a process holds the device open and does not close it soon; undefined if that can't be known. */
  async #staysOpen(turn: DriverTurn, id: string): Promise<boolean | undefined> {
    const { clock, usage, times } = this.#deps;
    // By the clock, since Allocate has a limit of its own, also on a slow machine.
    const until = clock.now() + times.closeMs;
    let open = await turn.isOpen(id);
    if (open === true) usage.seenOpen(id, open);
    while (open === true && clock.now() < until && !turn.isOver) {
      await clock.sleep(closePauseMs);
      open = await turn.isOpen(id);
    }
    return open;
  }

  /** Before a container starts with a device that its pod owns. */
  async #prepare(turn: DriverTurn, id: string): Promise<void> {
    const { usage, runner } = this.#deps;
    const open = await turn.isOpen(id);
    usage.seenOpen(id, open);
    if (open === true) return;
    const options = { mayHold: false, reason: "container_start" };
    try {
      await runner.run(turn, { kind: "reset", id }, options);
    } catch (reason) {
      if (PluginError.from(reason).code !== "device_busy") throw reason;
    } finally {
      usage.started([id]);
    }
  }
}

function healthy(device: DeviceStatus): DeviceStatus {
  if (device.health === "Healthy") return device;
  const why = (device.detail || device.reason).replace(/\.$/, "");
  throw new PluginError(
    "device_unhealthy",
    `${device.id} is unhealthy (${device.reason}): ${why}.`,
  );
}

/** What is known when the kubelet asks for a device that isn't known to be clean. */
export interface AllocationFacts {
  /** Milliseconds since its last allocation; undefined if there was none. */
  readonly sinceAllocatedMs: number | undefined;
  /** True if the kubelet has listed it since then. */
  readonly listedSince: boolean;
  /** True if the kubelet lists it at this moment; undefined if it did not answer. */
  readonly listed: boolean | undefined;
  readonly open: boolean | undefined;
}

/**
 * Decides what happens to a device that isn't known to be clean before its allocation.
 * - `keep`: its own pod asks again; it is allocated as it is.
 * - `reset`: it is allocated after a reset.
 * - `refuse`: another process holds it open, so it can't be reset and isn't allocated.
 *
 * The kubelet asks twice for a device that an app container takes over from its init container: both times within the
 * pod's admission, when it lists the device for neither and no container of the pod has started. So a second request
 * within `reallocateMs` of the first is taken for that, unless the device is open. If an admission takes longer, the device is reset once more,
 * which harms no one.
 *
 * For the same reason a process that holds the device open is never the pod that asks, and a kubelet that does not
 * answer changes nothing about that. One that has lost its checkpoint may ask for a device that a running pod owns:
 * it is refused, and prefers another device for the next request.
 */
export function planAllocation(
  facts: AllocationFacts,
  reallocateMs: number,
): "keep" | "reset" | "refuse" {
  if (facts.listed === true) return "keep";
  const again =
    facts.sinceAllocatedMs !== undefined &&
    facts.sinceAllocatedMs < reallocateMs &&
    !facts.listedSince;
  if (again && facts.open !== true) return "keep";
  return facts.open === true ? "refuse" : "reset";
}
