import type { Clock } from "../../common/clock.ts";
import { LogOnce } from "../../common/log-once.ts";
import type { Logger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { PodDevice } from "../../common/pod-device.ts";
import { withTimeout } from "../../common/with-timeout.ts";
import type { DriverDevice } from "../../drivers/driver.ts";
import { type DeviceUse, deviceUse, type Ownership, type UsageFacts } from "./usage.ts";
import type { UsageSource } from "./usage-source.ts";

/**
 * What a device may still carry of its last user.
 * - `unknown`: nothing is known, as of every adopted device after a start.
 * - `clean`: created or reset by this process, and not used since.
 * - `dirty`: allocated, or seen in use, since.
 */
export type Cleanliness = "unknown" | "clean" | "dirty";

/** Times of the usage tracker, ms. */
export interface UsageTimes {
  /** Between two questions to the usage source: the option `pod-resources-interval`. */
  readonly pollMs: number;
  /** From an allocation to the next question: the kubelet records one only after the answer. */
  readonly settleMs: number;
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
  pollMs: 10_000,
  // The kubelet records an allocation when the plugins of all of the container's resources have answered, so
  // milliseconds after ours; the status shows the owner a second later.
  settleMs: 1000,
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
  readonly devices: readonly Pick<DriverDevice, "id" | "cleaning">[];
  readonly source: UsageSource;
  readonly clock: Clock;
  readonly log: Logger;
  readonly times: UsageTimes;
}

/** What is known of one device. Times in ms since the epoch. */
type UsageRecord = { -readonly [Key in keyof UsageFacts]: UsageFacts[Key] } & {
  cleanliness: Cleanliness;
  /** Since when the kubelet has listed it; undefined if it does not. */
  listedFrom: number | undefined;
  /** When Allocate last asked for it, be it in vain. */
  requestedAt: number | undefined;
  /** The pod of the kubelet's last word; undefined if that was that no pod owns it. */
  pod: PodDevice | undefined;
};

/** What an instance knows at its end of the devices, for the one that takes over. */
export interface KnownUsage {
  /** IDs of the devices that are clean. */
  readonly clean: readonly string[];
  /** Devices that were allocated and not listed by the kubelet since: ms since the allocation, by ID. */
  readonly unlisted: ReadonlyMap<string, number>;
}

/** What changes when a container starts, or the kubelet lists a device. */
const inUse = { cleanliness: "dirty", absentSince: undefined, refused: false } as const;

const unknownUsage: Readonly<UsageRecord> = {
  cleanliness: "unknown",
  requestedAt: undefined,
  listedFrom: undefined,
  pod: undefined,
  listed: undefined,
  absentSince: undefined,
  allocatedAt: undefined,
  listedSince: false,
  refused: false,
  open: undefined,
  openSince: undefined,
};

/** Who uses which device, from all that can be known: one record a device, for the life of the process. */
export class UsageTracker {
  readonly #deps: UsageTrackerDeps;
  readonly #records = new Map<string, UsageRecord>();
  /** IDs of the driver's devices. */
  readonly #own = new Set<string>();
  readonly #canReset = new Set<string>();
  readonly #listeners = new Set<(ids: readonly string[]) => void>();
  #shared: ReadonlySet<string> = new Set();
  #owned: ReadonlySet<string> = new Set();
  #trustFrom = Number.NEGATIVE_INFINITY;
  #askAt = Number.NEGATIVE_INFINITY;
  readonly #once = new LogOnce();

  constructor(deps: UsageTrackerDeps) {
    this.#deps = deps;
    this.adopt(deps.devices);
  }

  use(id: string): DeviceUse {
    return this.#use(this.facts(id));
  }

  /** {@link use} apart from an open seen earlier: no event shows that a device was closed. */
  useUnlessOpen(id: string): DeviceUse {
    return this.#use({ ...this.facts(id), open: undefined });
  }

  /** Takes in which devices another plugin offers as well: it may allocate one at any moment. */
  sharedWithOthers(ids: readonly string[]): void {
    this.#shared = new Set(ids);
  }

  /** True if another plugin offers the device as well, so that only a fresh answer shows whether a pod owns it. */
  isShared(id: string): boolean {
    return this.#shared.has(id);
  }

  /** Follows the use of further devices, which the driver has found. */
  adopt(devices: UsageTrackerDeps["devices"]): void {
    this.track(devices.map(({ id }) => id));
    for (const { id } of devices) this.#own.add(id);
    for (const { id, cleaning } of devices) if (cleaning === "reset") this.#canReset.add(id);
  }

  /** Follows the use of further devices, which the configuration no longer asks for. */
  track(ids: readonly string[]): void {
    for (const id of ids) if (!this.#records.has(id)) this.#records.set(id, { ...unknownUsage });
  }

  /** True if the device is one of the driver's. */
  has(id: string): boolean {
    return this.#own.has(id);
  }

  /** True if the use of the device is followed here. */
  tracks(id: string): boolean {
    return this.#records.has(id);
  }

  /** The devices that are known to be free. */
  free(): ReadonlySet<string> {
    return new Set([...this.#records.keys()].filter((id) => this.use(id) === "free"));
  }

  /** IDs that pods own under the plugin's resource name, by the last answer; the driver may not have found them yet. */
  owned(): ReadonlySet<string> {
    return this.#owned;
  }

  facts(id: string): UsageFacts {
    return this.#record(id);
  }

  /**
   * The pod that owns the device, under whatever resource name; undefined if none is known to. What a kubelet leaves
   * out that has just restarted, or doesn't answer, stays as it was.
   */
  podOf(id: string): PodDevice | undefined {
    return this.#records.get(id)?.pod;
  }

  /**
   * Since when a pod has owned the device; undefined if none owns it by the kubelet's account. If this process did not
   * allocate it, but one before a restart or another plugin, the pod owned it before this process first saw that.
   */
  ownership(id: string): Ownership | undefined {
    const { listedFrom, allocatedAt, pod } = this.#record(id);
    if (listedFrom === undefined) return undefined;
    const isOthers = pod?.otherResource !== undefined;
    if (allocatedAt === undefined || isOthers) return { since: listedFrom, exact: false };
    return { since: allocatedAt, exact: true };
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
    const allocatedAt = this.#deps.clock.now();
    this.#askAt = Math.min(this.#askAt, allocatedAt + this.#deps.times.settleMs);
    this.#change(ids, (record) => {
      Object.assign(record, { ...inUse, allocatedAt, listedSince: false });
    });
  }

  /** The kubelet asks for the device, so by its own account no pod owns it until Allocate gives it to one. */
  refused(id: string): void {
    this.#change([id], (record) => {
      record.refused = true;
    });
  }

  /** A container with the devices is about to start, or their user may go on using them at any moment. */
  started(ids: readonly string[]): void {
    this.#change(ids, (record) => {
      Object.assign(record, inUse);
    });
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

  /** What the next instance has to know, see {@link handedOver}. */
  known(): KnownUsage {
    const now = this.#deps.clock.now();
    const records = [...this.#records];
    return {
      clean: records.flatMap(([id, { cleanliness }]) => (cleanliness === "clean" ? [id] : [])),
      unlisted: new Map(
        records.flatMap(([id, { allocatedAt, listedSince, refused }]) =>
          allocatedAt === undefined || listedSince || refused ? [] : [[id, now - allocatedAt]],
        ),
      ),
    };
  }

  /**
   * Takes in what another instance knew at its end, see {@link known}. Other devices' IDs are ignored. An allocation
   * keeps its age: a device whose pod has ended meanwhile would pass for one that its own pod requests again.
   */
  handedOver({ clean, unlisted }: KnownUsage): void {
    const ours = (ids: Iterable<string>) => [...ids].filter((id) => this.#records.has(id));
    const now = this.#deps.clock.now();
    this.#change(ours(clean), (record) => {
      record.cleanliness = "clean";
    });
    this.#change(ours(unlisted.keys()), (record, id) => {
      const allocatedAt = now - (unlisted.get(id) ?? 0);
      Object.assign(record, { ...inUse, allocatedAt, listedSince: false });
    });
  }

  /** Takes in whether a process holds the device open; undefined if that can't be known. */
  seenOpen(id: string, open: boolean | undefined): void {
    if (open === true) this.#record(id).cleanliness = "dirty";
    this.looked(id, open);
  }

  /**
   * As {@link seenOpen}, and an open leaves a clean device clean: udev, PipeWire and their like open each new node for
   * a moment. If that made it dirty, each reset would lead to the next one.
   */
  looked(id: string, open: boolean | undefined): void {
    this.#change([id], (record) => {
      record.openSince = open === true ? (record.openSince ?? this.#deps.clock.now()) : undefined;
      record.open = open;
    });
  }

  /**
   * The kubelet has restarted. Until it has read its pods from the API server its answers leave out devices that
   * running containers have, so for a while what it leaves out doesn't count.
   */
  kubeletRestarted(): void {
    this.#trustFrom = this.#deps.clock.now() + this.#deps.times.restartGraceMs;
    this.#interrupt();
    this.askSoon();
  }

  /** When the source should be asked, ms since the epoch. */
  get askAt(): number {
    return this.#askAt;
  }

  /** The source should be asked now. */
  askSoon(): void {
    this.#askAt = Number.NEGATIVE_INFINITY;
    this.#notify([]);
  }

  /** Asks the source. A missing answer is logged once, and undoes what earlier answers left out. */
  async ask(signal: AbortSignal): Promise<void> {
    const { source, clock, log, times } = this.#deps;
    const askedAt = clock.now();
    this.#askAt = askedAt + times.pollMs;
    try {
      this.#answered(await source.podDevices(signal), askedAt);
      this.#once.forget();
    } catch (reason) {
      if (signal.aborted) return;
      this.#interrupt();
      const { code, message, remedy } = PluginError.from(reason);
      if (code === "pod_resources_busy") {
        log.debug("Use of the devices unknown", { error: message });
        return;
      }
      if (!this.#once.isNew("unanswered", message)) return;
      // It does not pass by itself, as a restart of the kubelet does.
      const isTooLarge = code === "pod_resources_too_large";
      log[isTooLarge ? "warn" : "info"]("Use of the devices unknown", {
        reason: code,
        error: message,
        remedy,
        detail: isTooLarge
          ? "the plugin does not read the answer"
          : "the pod-resources socket does not answer",
        next: "devices are reset inside Allocate until it answers",
      });
    }
  }

  /** The devices that the source lists at this moment; undefined if it does not answer within `ms`. */
  async askNow(ms = this.#deps.times.askMs): Promise<ReadonlyMap<string, PodDevice> | undefined> {
    const { source, clock } = this.#deps;
    const stop = new AbortController();
    const askedAt = clock.now();
    try {
      const answer = source.podDevices(stop.signal);
      const devices = await withTimeout(clock, answer, ms, "The kubelet's answer");
      this.#answered(devices, askedAt);
      return devices;
    } catch {
      return undefined;
    } finally {
      stop.abort();
    }
  }

  /** As {@link askNow} for the end of the process: with more patience, and asked a second time. */
  async askAtEnd(): Promise<ReadonlyMap<string, PodDevice> | undefined> {
    const { lastAskMs } = this.#deps.times;
    return (await this.askNow(lastAskMs)) ?? this.askNow(lastAskMs);
  }

  #use(facts: UsageFacts): DeviceUse {
    return deviceUse(facts, this.#deps.clock.now(), this.#deps.times.graceMs);
  }

  #answered(listed: ReadonlyMap<string, PodDevice>, askedAt: number): void {
    this.#owned = new Set(
      [...listed].flatMap(([id, { otherResource }]) => (otherResource === undefined ? [id] : [])),
    );
    this.#change([...this.#records.keys()], (record, id) => {
      const device = listed.get(id);
      record.listed = device !== undefined;
      if (device !== undefined) {
        Object.assign(record, { ...inUse, listedSince: true, pod: device });
        record.listedFrom ??= askedAt;
        return;
      }
      // A kubelet that has just restarted leaves out pods that run.
      if (askedAt >= this.#trustFrom) {
        record.pod = undefined;
        record.listedFrom = undefined;
      }
      // An answer to a question from before the allocation says nothing about it.
      const isOlder = record.allocatedAt !== undefined && askedAt <= record.allocatedAt;
      if (!isOlder) record.absentSince ??= askedAt;
      if (askedAt < this.#trustFrom) record.absentSince = undefined;
    });
  }

  /** The source does not answer, or its kubelet has restarted: its silence about a device counts for nothing. */
  #interrupt(): void {
    this.#change([...this.#records.keys()], (record) => {
      record.absentSince = undefined;
    });
  }

  #change(ids: readonly string[], change: (record: UsageRecord, id: string) => void): void {
    for (const id of ids) change(this.#record(id), id);
    this.#notify(ids);
  }

  #notify(ids: readonly string[]): void {
    for (const listener of [...this.#listeners]) listener(ids);
  }

  #record(id: string): UsageRecord {
    const record = this.#records.get(id);
    if (record !== undefined) return record;
    throw new PluginError("device_unknown", `${id} is not one of this node's devices.`);
  }
}
