import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { withTimeout } from "../../common/with-timeout.ts";
import type { DriverDevice } from "../../drivers/driver.ts";
import { type DeviceUse, deviceUse, type UsageFacts } from "./usage.ts";
import { type Cleanliness, UsageRecord } from "./usage-record.ts";
import type { UsageSource } from "./usage-source.ts";

/** Times of the usage tracker, ms. */
export interface UsageTimes {
  /** How long an allocation counts before the kubelet lists it, and how long the kubelet must leave a device out. */
  readonly graceMs: number;
  /** After a kubelet's restart: how long what it leaves out doesn't count. It reads its pods meanwhile. */
  readonly restartGraceMs: number;
  /** How long Allocate and an operator wait for the kubelet's answer. */
  readonly askMs: number;
  /** How long the end of the process waits for it, twice at most: a third of the time for removals is left. */
  readonly lastAskMs: number;
}

export const defaultUsageTimes: UsageTimes = {
  // Two answers at the default interval: one alone may be from before the kubelet recorded the pod. Of the projects
  // that free devices by these answers, Akri waits this long.
  graceMs: 20_000,
  // A kubelet whose API server can't be reached at first asks it again after 30 s to 60 s at the latest
  // (client-go tools/cache/reflector.go, backoffManager), and until then knows only its static pods.
  restartGraceMs: 60_000,
  // The kubelet answers within milliseconds; with the cap of Allocate, most of the time is left for the reset.
  askMs: 300,
  lastAskMs: 1000,
};

export interface UsageTrackerDeps {
  readonly devices: readonly DriverDevice[];
  readonly source: UsageSource;
  readonly clock: Clock;
  readonly log: Logger;
  readonly times: UsageTimes;
}

/** Who uses which device, from all that can be known: one record a device, for the life of the process. */
export class UsageTracker {
  readonly #deps: UsageTrackerDeps;
  readonly #records: ReadonlyMap<string, UsageRecord>;
  readonly #canReset: ReadonlySet<string>;
  readonly #listeners = new Set<(ids: readonly string[]) => void>();
  #trustFrom = Number.NEGATIVE_INFINITY;
  #lastLogged = "";

  constructor(deps: UsageTrackerDeps) {
    this.#deps = deps;
    this.#records = new Map(deps.devices.map(({ id }) => [id, new UsageRecord(id)]));
    const resettable = deps.devices.filter(({ cleaning }) => cleaning === "reset");
    this.#canReset = new Set(resettable.map(({ id }) => id));
  }

  use(id: string): DeviceUse {
    return this.#use(this.facts(id));
  }

  /** {@link use} apart from an open seen earlier: no event shows that a device was closed. */
  useUnlessOpen(id: string): DeviceUse {
    return this.#use({ ...this.facts(id), open: undefined });
  }

  /** The devices that are known to be free. */
  free(): ReadonlySet<string> {
    return new Set([...this.#records.keys()].filter((id) => this.use(id) === "free"));
  }

  facts(id: string): UsageFacts {
    return this.#record(id).facts();
  }

  cleanliness(id: string): Cleanliness {
    return this.#record(id).cleanliness;
  }

  /** When Allocate last asked for the device, ms since the epoch; undefined if this process was never asked. */
  lastRequested(id: string): number | undefined {
    return this.#records.get(id)?.requestedAt;
  }

  /**
   * True if what a user left in the device (a writer's mark, say) is no fault: its user may need it (with the control
   * `keep_format` it outlives each close) until the device is reset.
   */
  ignoresUserTraces(id: string): boolean {
    if (this.cleanliness(id) !== "dirty") return false;
    return this.#canReset.has(id) || this.useUnlessOpen(id) !== "free";
  }

  /**
   * Calls `listener` with the IDs of devices of which something became known.
   *
   * @returns the way to unsubscribe.
   */
  subscribe(listener: (ids: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Allocate asks for the devices. */
  requested(ids: readonly string[]): void {
    for (const id of ids) this.#record(id).requestedAt = this.#deps.clock.now();
  }

  /** Allocate gives the devices to a container. */
  allocated(ids: readonly string[]): void {
    const now = this.#deps.clock.now();
    this.#change(ids, (record) => record.allocated(now));
  }

  /** Allocate is refused. */
  refused(id: string): void {
    this.#change([id], (record) => record.refused());
  }

  /** A container with the devices is about to start, or their user may go on using them at any moment. */
  started(ids: readonly string[]): void {
    this.#change(ids, (record) => record.started());
  }

  /** The device was reset. */
  cleaned(id: string): void {
    this.#change([id], (record) => {
      record.cleanliness = "clean";
    });
  }

  /** The driver created the devices: they carry nothing, unless they were lost under their pods, who own them still. */
  created(ids: readonly string[]): void {
    this.#change(ids, (record) => {
      if (record.cleanliness === "unknown") record.cleanliness = "clean";
    });
  }

  /** Takes in whether a process holds the device open; undefined if that can't be known. */
  seenOpen(id: string, open: boolean | undefined): void {
    this.#change([id], (record) => record.seenOpen(open));
  }

  /**
   * The kubelet has restarted. Until it has read its pods from the API server its answers leave out devices that
   * running containers have, so for a while what it leaves out doesn't count.
   */
  kubeletRestarted(): void {
    this.#trustFrom = this.#deps.clock.now() + this.#deps.times.restartGraceMs;
    this.#interrupt();
  }

  /** Asks the source. A missing answer is logged once, and undoes what earlier answers left out. */
  async ask(signal: AbortSignal): Promise<void> {
    const { source, clock, log } = this.#deps;
    const askedAt = clock.now();
    try {
      this.#answered(await source.podDeviceIds(signal), askedAt);
      this.#lastLogged = "";
    } catch (reason) {
      if (signal.aborted) return;
      this.#interrupt();
      const { code, message } = PluginError.from(reason);
      if (message === this.#lastLogged) return;
      if (code === "pod_resources_busy") {
        log.debug("Use of the devices unknown", { error: message });
        return;
      }
      this.#lastLogged = message;
      log.info("Use of the devices unknown", {
        reason: code,
        error: message,
        detail: "the pod-resources socket does not answer",
        next: "devices are reset inside Allocate until it answers",
      });
    }
  }

  /** IDs of the devices that the source lists at this moment; undefined if it does not answer within `ms`. */
  async askNow(ms = this.#deps.times.askMs): Promise<ReadonlySet<string> | undefined> {
    const { source, clock } = this.#deps;
    const stop = new AbortController();
    const askedAt = clock.now();
    try {
      const answer = source.podDeviceIds(stop.signal);
      const ids = await withTimeout(clock, answer, ms, "The kubelet's answer");
      this.#answered(ids, askedAt);
      return ids;
    } catch {
      return undefined;
    } finally {
      stop.abort();
    }
  }

  /** As {@link askNow} for the end of the process: with more patience, and asked a second time. */
  async askAtEnd(): Promise<ReadonlySet<string> | undefined> {
    const { lastAskMs } = this.#deps.times;
    return (await this.askNow(lastAskMs)) ?? this.askNow(lastAskMs);
  }

  #use(facts: UsageFacts): DeviceUse {
    return deviceUse(facts, this.#deps.clock.now(), this.#deps.times.graceMs);
  }

  #answered(listed: ReadonlySet<string>, askedAt: number): void {
    this.#change([...this.#records.keys()], (record) => {
      record.answered(listed.has(record.id), askedAt);
      if (askedAt < this.#trustFrom) record.interrupted();
    });
  }

  #interrupt(): void {
    this.#change([...this.#records.keys()], (record) => record.interrupted());
  }

  #change(ids: readonly string[], change: (record: UsageRecord) => void): void {
    for (const id of ids) change(this.#record(id));
    for (const listener of [...this.#listeners]) listener(ids);
  }

  #record(id: string): UsageRecord {
    const record = this.#records.get(id);
    if (record !== undefined) return record;
    throw new PluginError("device_unknown", `${id} is not one of this node's devices.`);
  }
}
