import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import type { Inventory } from "../inventory/inventory.ts";
import { nextStep } from "../inventory/next-step.ts";
import type { DeviceUse, UsageFacts } from "../usage/usage.ts";
import type { UsageTracker } from "../usage/usage-tracker.ts";
import type { DriverQueue } from "./driver-queue.ts";
import type { MaintenanceTimes } from "./maintenance-times.ts";

/** All that decides whether a process of no pod holds a device open. */
export interface HeldFacts extends Pick<UsageFacts, "listed" | "open"> {
  /** Its use, apart from that it is open. */
  readonly use: DeviceUse;
  /** How long every look has found it open, ms; 0 if the last one did not. */
  readonly openMs: number;
  /** The plugin can reset it, which proves that it is closed. */
  readonly canReset: boolean;
}

/**
 * What follows from a look at a device.
 * - `hold`: a process of no pod has held it open for `graceMs`, and would make each Allocate fail.
 * - `release`: it is closed, or a pod owns it after all.
 * - `keep`: it stays held or not. Where an open can't be seen, a successful reset releases it.
 */
export function planHeld(facts: HeldFacts, graceMs: number): "hold" | "release" | "keep" {
  const { listed, open, use, openMs, canReset } = facts;
  if (listed === true || open === false) return "release";
  if (open === undefined) return canReset ? "keep" : "release";
  return use === "free" && openMs >= graceMs ? "hold" : "keep";
}

export interface HeldDevicesDeps {
  readonly inventory: Pick<Inventory, "list" | "require" | "hold" | "isHeld" | "release">;
  readonly usage: UsageTracker;
  readonly queue: Pick<DriverQueue, "isOpen" | "holders" | "isWorkingOn">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly times: Pick<MaintenanceTimes, "graceMs" | "lookMs">;
}

/**
 * How often the process that holds a device open is looked for, ms: a search takes some 0.1 s of CPU time on a large
 * host, for one device or for all.
 */
const searchMs = 60_000;

/** A device that is held from now on, or has been. */
interface HeldDevice {
  readonly id: string;
  /** Of its node. */
  readonly hostPath: string;
  readonly isNew: boolean;
}

/**
 * Devices that a process of no pod holds open: a program of the host, or what a pod that the kubelet has forgotten left
 * behind. No pod can use one, so it leaves the offer until it is closed.
 */
export class HeldDevices {
  readonly #deps: HeldDevicesDeps;
  /** When the process was last looked for, by device, ms since the epoch. */
  readonly #searchedAt = new Map<string, number>();

  constructor(deps: HeldDevicesDeps) {
    this.#deps = deps;
  }

  /**
   * Looks at all devices that no pod owns, until `signal` aborts. One that a pod may own is left alone: a look locks it
   * for a moment. It does not wait for the search for processes, one for all devices.
   */
  async look(signal: AbortSignal): Promise<void> {
    const { inventory, usage, queue, clock, times } = this.#deps;
    const due: HeldDevice[] = [];
    for (const { id, cleaning } of inventory.list()) {
      if (signal.aborted) return;
      if (!this.#isWatched(id) || queue.isWorkingOn(id)) continue;
      const { listed } = usage.facts(id);
      if (listed !== true) usage.looked(id, await queue.isOpen(id));
      const { open, openSince = clock.now() } = usage.facts(id);
      const use = usage.useUnlessOpen(id);
      const openMs = clock.now() - openSince;
      const canReset = cleaning === "reset";
      const plan = planHeld({ listed, open, use, openMs, canReset }, times.graceMs);
      if (plan === "hold" && this.#isSearchDue(id)) due.push(this.#hold(id));
      if (plan === "release") inventory.release(id, "held");
    }
    if (due.length > 0) void this.#search(due);
  }

  /** When to look again, ms since the epoch, at devices that may be closed soon; infinite if there are none. */
  nextLook(): number {
    const { inventory, usage, clock, times } = this.#deps;
    const isAwaited = inventory
      .list()
      .some(
        ({ id }) =>
          inventory.isHeld(id, "held") || (usage.facts(id).open === true && this.#isWatched(id)),
      );
    return isAwaited ? clock.now() + times.lookMs : Number.POSITIVE_INFINITY;
  }

  /**
   * Holds a device out of the offer because a process of no pod has it open: at once, and then finds out which one.
   *
   * @returns the process, for people; empty if it can't be seen.
   */
  async hold(id: string): Promise<string> {
    return (await this.#search([this.#hold(id)])).get(id) ?? "";
  }

  #hold(id: string): HeldDevice {
    const { inventory, usage } = this.#deps;
    const [{ hostPath }] = inventory.require(id).nodes;
    const isNew = !inventory.isHeld(id, "held");
    usage.seenOpen(id, true);
    if (isNew) inventory.hold(id, "held", describeHeld(hostPath, ""));
    return { id, hostPath, isNew };
  }

  /** Finds out which processes hold the devices open, in one search, and shows and logs them. */
  async #search(devices: readonly HeldDevice[]): Promise<ReadonlyMap<string, string>> {
    const { inventory, queue, clock, log } = this.#deps;
    for (const { id } of devices) this.#searchedAt.set(id, clock.now());
    const found = await queue.holders(devices.map(({ id }) => id));
    for (const { id, hostPath, isNew } of devices) {
      const holders = found.get(id) ?? "";
      const detail = describeHeld(hostPath, holders);
      if (holders !== "" && inventory.isHeld(id, "held")) inventory.hold(id, "held", detail);
      if (!isNew) continue;
      log.warn("Device held open", {
        device_id: id,
        device_path: hostPath,
        reason: "held",
        detail,
        next: nextStep({ reason: "held", fix: "none" }),
      });
    }
    return found;
  }

  /** True unless the device is held, and its process is known from a short time ago. */
  #isSearchDue(id: string): boolean {
    const { inventory, clock } = this.#deps;
    const searchedAt = this.#searchedAt.get(id) ?? Number.NEGATIVE_INFINITY;
    return !inventory.isHeld(id, "held") || clock.now() - searchedAt >= searchMs;
  }

  #isWatched(id: string): boolean {
    const { inventory, usage } = this.#deps;
    return inventory.isHeld(id, "held") || usage.useUnlessOpen(id) === "free";
  }
}

/** The detail of the hold, one sentence for people. */
function describeHeld(hostPath: string, holders: string): string {
  return holders === ""
    ? `It is held open by a process of no pod that the kubelet lists: see fuser -v ${hostPath} on the host.`
    : `It is held open by ${holders}, of no pod that the kubelet lists.`;
}
