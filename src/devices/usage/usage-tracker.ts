import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { withTimeout } from "../../common/with-timeout.ts";
import type { VideoDriver } from "../../drivers/driver.ts";
import type { MaintenanceTimes } from "../maintenance/maintenance-times.ts";
import { type Use, use } from "./usage.ts";
import { UsageRecord } from "./usage-record.ts";

export interface UsageTrackerDeps {
  readonly driver: Pick<VideoDriver, "devices" | "isOpen">;
  /** IDs that pods have; rejects if the kubelet can't be asked, with `pod_resources_busy` if only not now. */
  readonly listed: (signal: AbortSignal) => Promise<ReadonlySet<string>>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly times: Pick<MaintenanceTimes, "graceMs" | "restartGraceMs" | "askMs" | "lastAskMs">;
}

/** Who uses which device, from everybody who can be asked: one record a device, constant for its life. */
export class UsageTracker {
  readonly records: ReadonlyMap<string, UsageRecord>;
  readonly #deps: UsageTrackerDeps;
  #trustFrom = Number.NEGATIVE_INFINITY;
  #told = "";

  constructor(deps: UsageTrackerDeps) {
    this.#deps = deps;
    this.records = new Map(deps.driver.devices.map(({ id }) => [id, new UsageRecord(id)]));
  }

  use(record: UsageRecord): Use {
    return use(record.facts(), this.#deps.clock.now(), this.#deps.times.graceMs);
  }

  /** As {@link use}, before the device was looked at anew: nobody tells when one is closed. */
  useUnlessOpen(record: UsageRecord): Use {
    const facts = { ...record.facts(), open: undefined };
    return use(facts, this.#deps.clock.now(), this.#deps.times.graceMs);
  }

  /** Asks the kubelet. No answer is told once, and undoes what earlier ones left out. */
  async ask(signal: AbortSignal): Promise<void> {
    const { listed, log, clock } = this.#deps;
    const askedAt = clock.now();
    try {
      this.#answered(await listed(signal), askedAt);
      this.#told = "";
    } catch (reason) {
      if (signal.aborted) return;
      this.#interrupt();
      const { code, message } = PluginError.from(reason);
      if (message === this.#told) return;
      if (code === "pod_resources_busy") {
        log.debug("Who uses the devices can't be asked", { error: message });
        return;
      }
      this.#told = message;
      log.info("Who uses the devices can't be asked", {
        reason: code,
        error: message,
        detail: "the pod-resources socket does not answer",
        next: "devices are cleaned when they are given away, until it answers",
      });
    }
  }

  /** The kubelet's answer of this moment about one device; undefined if there is none in time. */
  async askNow(record: UsageRecord): Promise<boolean | undefined> {
    return (await this.listedNow())?.has(record.id);
  }

  /** All that the kubelet lists at this moment; undefined if it doesn't say within `ms`. */
  async listedNow(ms = this.#deps.times.askMs): Promise<ReadonlySet<string> | undefined> {
    const { listed, clock } = this.#deps;
    const stop = new AbortController();
    const askedAt = clock.now();
    try {
      const ids = await withTimeout(clock, listed(stop.signal), ms, "The kubelet's answer");
      this.#answered(ids, askedAt);
      return ids;
    } catch {
      return undefined;
    } finally {
      stop.abort();
    }
  }

  /** As {@link listedNow} for the end of the process: with more patience, and asked a second time. */
  async listedAtEnd(): Promise<ReadonlySet<string> | undefined> {
    const { lastAskMs } = this.#deps.times;
    return (await this.listedNow(lastAskMs)) ?? this.listedNow(lastAskMs);
  }

  /** Looks whether somebody holds the device open; undefined if that can't be known. */
  async look(record: UsageRecord): Promise<boolean | undefined> {
    const open = await this.#deps.driver.isOpen(record.id).catch(() => undefined);
    record.seenOpen(open);
    return open;
  }

  /**
   * The kubelet has begun anew. Until it has read its pods from the API server its answers leave out
   * devices that running containers have, so for a while what it leaves out doesn't count.
   */
  kubeletRestarted(): void {
    this.#trustFrom = this.#deps.clock.now() + this.#deps.times.restartGraceMs;
    this.#interrupt();
  }

  #answered(ids: ReadonlySet<string>, askedAt: number): void {
    for (const record of this.records.values()) {
      record.answered(ids.has(record.id), askedAt);
      if (askedAt < this.#trustFrom) record.interrupted();
    }
  }

  #interrupt(): void {
    for (const record of this.records.values()) record.interrupted();
  }
}
