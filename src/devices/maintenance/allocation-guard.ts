import type { Clock } from "../../common/clock.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { withTimeout } from "../../common/with-timeout.ts";
import type { VideoDriver } from "../../drivers/driver.ts";
import type { UsageRecord } from "../usage/usage-record.ts";
import type { UsageTracker } from "../usage/usage-tracker.ts";
import type { DeviceLocks } from "./device-locks.ts";
import { planAllocation } from "./maintenance-plan.ts";
import type { MaintenanceTimes } from "./maintenance-times.ts";
import type { DeviceMonitor } from "./monitor.ts";
import type { MaintenanceRunner } from "./run-maintenance.ts";

export interface AllocationGuardDeps {
  readonly driver: Pick<VideoDriver, "devices" | "capabilities">;
  readonly monitor: Pick<DeviceMonitor, "inspect">;
  readonly book: UsageTracker;
  readonly attempts: MaintenanceRunner;
  /** Of a device whose lock is taken Allocate must not answer from memory. */
  readonly locks: DeviceLocks;
  readonly clock: Clock;
  readonly times: Pick<MaintenanceTimes, "allocateMs" | "prepareMs" | "reallocateMs">;
}

/** What is done to devices before a container gets them, while the kubelet waits. */
export class AllocationGuard {
  readonly #deps: AllocationGuardDeps;

  constructor(deps: AllocationGuardDeps) {
    this.#deps = deps;
  }

  /**
   * Devices are about to be given away. Calls `give` when each of them may be, at once if they are known to be
   * clean, else after a reset, and resolves with what it returned. If it throws, nothing is given away.
   *
   * @throws PluginError `timed_out`, `device_held`, or why a reset failed; what `give` throws.
   */
  async claim<T>(ids: readonly string[], give: () => T): Promise<T> {
    const { clock, times } = this.#deps;
    const records = this.#records(ids);
    if (!records.every((record) => this.#isClean(record))) {
      await this.#each(records, times.allocateMs, "cleaning", (record) => this.#clean(record));
    }
    // In one go: whatever came to light while a device was cleaned is known to `give`.
    const given = give();
    for (const record of records) record.given(clock.now());
    return given;
  }

  /**
   * A container with these devices is about to start: they are reset. One that somebody holds open is left as it
   * is, since that somebody is the container's own pod: nobody else was given the device.
   *
   * @throws PluginError `timed_out`, or why a reset failed.
   */
  async prepare(ids: readonly string[]): Promise<void> {
    const { driver, monitor, times } = this.#deps;
    const records = this.#records(ids);
    for (const record of records) record.started();
    if (!driver.capabilities().reset) return monitor.inspect();
    await this.#each(records, times.prepareMs, "reset", (record) => this.#prepare(record));
  }

  #records(ids: readonly string[]): UsageRecord[] {
    return [...new Set(ids)].flatMap((id) => this.#deps.book.records.get(id) ?? []);
  }

  #isClean(record: UsageRecord): boolean {
    return record.cleanliness === "clean" && !this.#deps.locks.taken(record.id);
  }

  /** One after the other, each under its lock, and none any more once `ms` are over. */
  async #each(
    records: readonly UsageRecord[],
    ms: number,
    what: string,
    act: (record: UsageRecord) => Promise<void>,
  ): Promise<void> {
    const { clock, locks } = this.#deps;
    let isOver = false;
    const all = (async () => {
      for (const record of records) {
        await locks.run(record.id, async () => {
          if (!isOver) await act(record);
        });
      }
    })();
    const ids = records.map(({ id }) => id).join(", ");
    try {
      await withTimeout(clock, all, ms, `The ${what} of ${ids}`);
    } finally {
      isOver = true;
    }
  }

  /** Before a device is given away. */
  async #clean(record: UsageRecord): Promise<void> {
    const { driver, clock, book, attempts, times } = this.#deps;
    if (record.cleanliness === "clean" || !driver.capabilities().reset) return;
    const { id, allocatedAt, listedSince } = record;
    const sinceAllocatedMs = allocatedAt === undefined ? undefined : clock.now() - allocatedAt;
    const known = { sinceAllocatedMs, listedSince, listed: undefined, open: undefined };
    if (planAllocation(known, times.reallocateMs) === "keep") return;
    const listed = await book.askNow(record);
    const open = await book.look(record);
    const verdict = planAllocation({ ...known, listed, open }, times.reallocateMs);
    if (verdict === "keep") return;
    // Nobody has it, then, until it is given.
    record.refused();
    if (verdict === "reset") {
      return attempts.try({ kind: "reset", id }, record, { because: "allocate" });
    }
    const whom =
      listed === undefined
        ? "somebody of whom the kubelet says nothing"
        : "a process that is no pod's";
    const path = driver.devices.find((device) => device.id === id)?.hostPath;
    throw new PluginError("device_held", `${id} is held open by ${whom}, so it can't be cleaned.`, {
      remedy: `Find out who on the host: fuser -v ${path}`,
    });
  }

  /** Before a container starts with a device that its pod has. */
  async #prepare(record: UsageRecord): Promise<void> {
    const { book, attempts } = this.#deps;
    const { id } = record;
    if ((await book.look(record)) === true) return;
    try {
      await attempts.try({ kind: "reset", id }, record, {
        mayHold: false,
        because: "container_start",
      });
    } catch (reason) {
      if (PluginError.from(reason).code !== "device_busy") throw reason;
    } finally {
      record.started();
    }
  }
}
