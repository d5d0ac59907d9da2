import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import { Notify } from "../../common/notify.ts";
import type { VideoDriver } from "../../drivers/driver.ts";
import type { Inventory } from "../inventory/inventory.ts";
import type { UsageSource } from "../usage/usage-source.ts";
import type { UsageTracker } from "../usage/usage-tracker.ts";
import type { DriverQueue } from "./driver-queue.ts";
import type { HeldDevices } from "./held-devices.ts";
import { MaintenanceLog } from "./maintenance-log.ts";
import {
  type MaintenanceAction,
  type MaintenanceFacts,
  type MaintenanceKind,
  maintenanceOf,
  mayMaintain,
  planMaintenance,
} from "./maintenance-plan.ts";
import type { MaintenanceRecords } from "./maintenance-record.ts";
import type { MaintenanceTimes } from "./maintenance-times.ts";
import { type OperateOptions, refuseOperation } from "./refuse-operation.ts";
import { removeDevices } from "./removal.ts";
import { retireFree } from "./retirement.ts";
import type { MaintenanceRunner } from "./run-maintenance.ts";

export interface MaintenanceDeps {
  readonly driver: Pick<VideoDriver, "devices" | "capabilities">;
  readonly queue: DriverQueue;
  readonly inventory: Inventory;
  readonly usage: UsageTracker;
  readonly source: Pick<UsageSource, "watch">;
  readonly runner: MaintenanceRunner;
  readonly held: HeldDevices;
  readonly records: MaintenanceRecords;
  readonly clock: Clock;
  readonly log: Logger;
  readonly times: MaintenanceTimes;
}

/**
 * Sees to it that no pod finds what another left, and repairs what can be repaired only while no pod uses the device:
 * resets devices that have become free, one at a time. Decisions are in `usage.ts` and `maintenance-plan.ts`.
 */
export class Maintenance {
  readonly #deps: MaintenanceDeps;
  readonly #events: MaintenanceLog;
  readonly #notify = new Notify();
  /** When the next round begins if nothing notifies it, ms since the epoch. */
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor(deps: MaintenanceDeps) {
    this.#deps = deps;
    this.#events = new MaintenanceLog(deps.log);
  }

  /**
   * Resets or repairs a device for an operator, after a fresh look at it and at who uses it. A forced reset also ends
   * `minor_in_use`, unless the kubelet knows a pod of the other device.
   *
   * @returns false if there was nothing to repair, so that nothing was done.
   * @throws PluginError `device_unknown`, `not_supported`, `device_busy`, `device_in_use`, `use_unknown`, or why it
   * failed.
   */
  async operate(kind: MaintenanceKind, id: string, options: OperateOptions): Promise<boolean> {
    const { queue, inventory, usage, runner } = this.#deps;
    const device = inventory.require(id);
    return queue.run({ what: `the ${kind} of ${id}`, devices: [id] }, async (turn) => {
      await usage.askNow();
      const open = await turn.isOpen(id);
      usage.seenOpen(id, open);
      const use = usage.use(id);
      const pod = usage.podOf(id)?.pod;
      const refusal = refuseOperation({ kind, device, use, open, pod }, options);
      if (refusal) throw refusal;
      if (kind === "repair") {
        await turn.inspect();
        if (inventory.get(id)?.fix !== "repair") return false;
      }
      const isFree = use === "free";
      const numbers = inventory.numbersOf(id);
      await runner.run(turn, { kind, id }, { mayHold: isFree, reason: "operator" });
      // Its user may go on using it at any moment.
      if (!isFree && kind === "reset") usage.started([id]);
      if (options.force && kind === "reset") for (const each of numbers) this.#release(id, each);
      return true;
    });
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, inventory, usage, source } = this.#deps;
    const { notify } = this.#notify;
    // Other changes of use don't wake it: each round checks for open devices, and would start the next round.
    const askSooner = () => usage.askAt < this.#wakeAt && notify();
    const ends = [inventory.subscribe(notify), usage.subscribe(askSooner)];
    source.watch(() => usage.askSoon(), signal);
    try {
      while (!signal.aborted) {
        await this.#round(signal);
        this.#wakeAt = this.#nextRound();
        await this.#notify.wait(clock, Math.max(0, this.#wakeAt - clock.now()), signal);
      }
    } finally {
      for (const end of ends) end();
    }
  }

  /**
   * For the end of the process: removes the devices that it created and no pod uses, and what it loaded for them.
   * Never rejects.
   */
  removeUnused(): Promise<void> {
    const { queue, usage, records, driver, clock, log, times } = this.#deps;
    return queue.run({ what: "the removal of unused devices" }, async (turn) => {
      // One answer for all, or none: by then nothing is allocated any more.
      let answer: ReturnType<UsageTracker["askAtEnd"]> | undefined;
      const facts = async (id: string) => {
        answer ??= usage.askAtEnd();
        const listed = await answer;
        const { allocatedAt, listedSince } = usage.facts(id);
        const isRecent = allocatedAt !== undefined && clock.now() - allocatedAt < times.graceMs;
        return {
          wasCreated: records.get(id)?.wasCreated === true,
          mayBeAllocated: isRecent || (allocatedAt !== undefined && !listedSince),
          listed: listed?.has(id),
          open: await turn.isOpen(id),
        };
      };
      const isSingle = driver.capabilities().remove;
      await removeDevices([...records.keys()], facts, { turn, isSingle, clock, log });
    });
  }

  /** The operator who forces a reset of a device says that no container has it, by whatever device's name. */
  #release(id: string, number: string): void {
    const { inventory, log } = this.#deps;
    const others = inventory.releaseNumber(id, number);
    if (others.length === 0) return;
    log.info("Device number released", {
      ...{ device_id: id, device_number: number, other_device_ids: others },
      next: "containers of these devices' pods are taken not to have the number",
    });
  }

  /** Asks who uses the devices, if it is time, and does what follows from it. */
  async #round(signal: AbortSignal): Promise<void> {
    const { clock, driver, inventory, usage, held, log } = this.#deps;
    if (clock.now() >= usage.askAt) await usage.ask(signal);
    await held.look(signal);
    retireFree(driver.devices, usage.free(), inventory, log);
    const facts = inventory.list().map((device) => this.#facts(device));
    const actions = planMaintenance(facts, clock.now());
    for (const fact of facts) {
      const action = actions.find(({ id }) => id === fact.id)?.kind;
      this.#events.decided(fact, usage.facts(fact.id), action);
    }
    for (const action of actions) {
      if (signal.aborted) return;
      await this.#maintain(action);
    }
  }

  #facts(device: Omit<MaintenanceFacts, "cleanliness" | "use" | "notBefore">): MaintenanceFacts {
    const { usage, records } = this.#deps;
    const { id, cleaning, reason, fix } = device;
    return {
      ...{ id, cleaning, reason, fix },
      cleanliness: usage.cleanliness(id),
      notBefore: records.get(id)?.notBefore ?? 0,
      use: usage.useUnlessOpen(id),
    };
  }

  /** When its turn comes, and only if that is still right by then. */
  #maintain({ kind, id }: MaintenanceAction): Promise<void> {
    const { queue, inventory, usage, runner } = this.#deps;
    return queue.run({ what: `the ${kind} of ${id}`, devices: [id] }, async (turn) => {
      if (usage.isShared(id)) await usage.askNow();
      const open = await turn.isOpen(id);
      usage.seenOpen(id, open);
      const device = inventory.get(id);
      const wanted = device && maintenanceOf(this.#facts(device));
      if (wanted !== kind || !mayMaintain(kind, usage.use(id), open)) return;
      // The runner has logged the failure, and the next try has its time.
      await runner.run(turn, { kind, id }).catch(() => undefined);
    });
  }

  #nextRound(): number {
    const { usage, records, held, clock, times } = this.#deps;
    const now = clock.now();
    const due = [...records].flatMap(([id, { notBefore }]) => {
      const { absentSince = Number.NEGATIVE_INFINITY } = usage.facts(id);
      return [absentSince + times.graceMs, notBefore].filter((at) => at > now);
    });
    return Math.min(usage.askAt, held.nextLook(), ...due);
  }
}
