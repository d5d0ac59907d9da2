import type { Clock } from "../../../common/clock.ts";
import type { Logger } from "../../../common/logger.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { pollUntil } from "../../../common/poll-until.ts";
import type {
  DeviceObservation,
  DriverCapabilities,
  DriverDescription,
  DriverDevice,
  EnsureFailure,
  EnsureOptions,
  EnsureReport,
  InspectOptions,
  LeaveOptions,
  RelayReport,
  VideoDriver,
} from "../../driver.ts";
import { findDevice } from "../../driver-devices.ts";
import { openPatience } from "../cleaning/exclusive-access.ts";
import { faultOf } from "../device/device-state.ts";
import type { LoopbackDriver } from "../loopback-driver.ts";
import { describeWrongSize, formatAttribute } from "./frame-format.ts";
import { HeldPairs } from "./held-pairs.ts";
import { pairsOf, roleOf, singlesOf } from "./pair.ts";
import type { ReadySettings } from "./ready-settings.ts";
import type { Relay, RelayEvent } from "./relay.ts";

export interface ReadyDriverDeps {
  readonly log: Logger;
  readonly clock: Clock;
  /** Starts the relay. */
  readonly relay: (onEvent: (event: RelayEvent) => void) => Relay;
  /** An encoded frame to show while a device's application writes none; with the problem, if there is one, in it. */
  readonly placeholder: (id: string, problem: string) => Uint8Array;
}

/** Between two looks whether cameras are still capture devices alone, ms. `later`: while none of them could be another. */
const listedMs = { next: 100, later: 1000 } as const;

/**
 * Ready cameras on v4l2loopback. Each is a pair of devices: browsers read the camera, whose only writer is this
 * process, so that it is listed at any time; the application writes to the feed, and the relay copies its frames.
 *
 * `singles` manages the devices of all pairs one by one. A pair is created, reset and removed as one.
 */
export class ReadyDriver implements VideoDriver {
  readonly name: string;
  readonly reasons: readonly string[];
  readonly devices: readonly DriverDevice[];
  readonly #singles: LoopbackDriver;
  readonly #settings: ReadySettings;
  readonly #deps: ReadyDriverDeps;
  readonly #relay: Relay;
  readonly #held: HeldPairs;
  /** What applications do wrong at the moment, by device ID. */
  readonly #problems = new Map<string, string>();
  #notify = () => {};

  constructor(singles: LoopbackDriver, settings: ReadySettings, deps: ReadyDriverDeps) {
    this.name = singles.name;
    this.reasons = singles.reasons;
    this.devices = pairsOf(singles.devices);
    this.#singles = singles;
    this.#settings = settings;
    this.#deps = deps;
    this.#relay = deps.relay((event) => this.#onRelayEvent(event));
    this.#held = new HeldPairs(singles, settings, { ...deps, relay: this.#relay });
  }

  /** As {@link LoopbackDriver.ensure}; a device is usable once a browser would list it. */
  async ensure({ recreatable = new Set() }: EnsureOptions = {}): Promise<EnsureReport> {
    const free = this.devices.filter(({ id }) => recreatable.has(id));
    const report = await this.#singles.ensure({
      recreatable: new Set(free.flatMap((device) => singlesOf(device).map(({ id }) => id))),
    });
    const created: string[] = [];
    const adopted: string[] = [];
    const failed: EnsureFailure[] = [];
    for (const device of this.devices) {
      const { id } = device;
      const ids = singlesOf(device).map((single) => single.id);
      const failure = report.failed.find((each) => ids.includes(each.id));
      const error = failure?.error ?? (await this.#hold(device));
      const isCreated = ids.every((each) => report.created.includes(each));
      if (error !== undefined) failed.push({ id, error });
      else (isCreated ? created : adopted).push(id);
    }
    return { created, adopted, failed };
  }

  /** Holds a pair that isn't held, or no longer is as it should be. @returns why it could not be held. */
  async #hold(device: DriverDevice): Promise<PluginError | undefined> {
    const { id } = device;
    if (this.#held.has(id) && this.#whyNotReady(device) === undefined) return undefined;
    try {
      await this.#held.release(id);
      await this.#held.hold(device);
      return undefined;
    } catch (error) {
      return PluginError.from(error);
    }
  }

  async inspect(options: InspectOptions = {}): Promise<DeviceObservation[]> {
    const seen = new Map((await this.#singles.inspect(options)).map((each) => [each.id, each]));
    const { readOnly = false } = options;
    return this.devices.map((device) => {
      const [camera, feed] = singlesOf(device).map(({ id }) => seen.get(id));
      if (camera === undefined || feed === undefined) throw new Error(`no ${device.id}`);
      return this.#observation(device, [camera, feed], readOnly);
    });
  }

  #observation(
    device: DriverDevice,
    [camera, feed]: readonly [DeviceObservation, DeviceObservation],
    readOnly: boolean,
  ): DeviceObservation {
    const { id } = device;
    const { format } = camera;
    const { deviceNumber: _, format: __, ...worse } = camera.state === "ok" ? feed : camera;
    const exists = camera.deviceNumber !== undefined || feed.deviceNumber !== undefined;
    const numbers = {
      ...(camera.deviceNumber !== undefined && { deviceNumber: camera.deviceNumber }),
      ...(feed.deviceNumber !== undefined && { otherNumbers: [feed.deviceNumber] }),
      // A plain device is not the pair that it becomes part of: that it was clean says nothing of the feed, and it has other
      // parameters than a camera until it is reset.
      ...(exists && {
        identity: `${camera.deviceNumber ?? "none"}+${feed.deviceNumber ?? "none"}`,
      }),
    };
    const accessLost = camera.accessLost ?? feed.accessLost;
    const seen = { ...worse, ...numbers, id, ...(accessLost && { accessLost }) };
    if (worse.state !== "ok") return seen;
    const why = this.#whyNotReady(device) ?? (readOnly ? undefined : this.#held.whyNot(id));
    if (why !== undefined) {
      const detail = `A browser may not list ${id}: ${why}.`;
      return { ...numbers, ...faultOf(id, "not_ready", detail) };
    }
    return { ...seen, ...(format !== undefined && { format }) };
  }

  /** The middle of a sentence: what /sys shows that a held pair would not. */
  #whyNotReady(device: DriverDevice): string | undefined {
    const wanted = formatAttribute(this.#settings);
    for (const single of singlesOf(device)) {
      const found = this.#singles.look(single.id);
      if (roleOf(single) === "camera" && found?.writing !== true) return "it has no writer";
      // Before 0.13 a feed has a format only while an application writes.
      const mayLack = roleOf(single) === "feed" && found?.format === "";
      if (!mayLack && !found?.format.startsWith(wanted)) {
        return `${single.id} has the format "${found?.format ?? ""}" instead of ${wanted}`;
      }
    }
    return undefined;
  }

  capabilities(): DriverCapabilities {
    return this.#singles.capabilities();
  }

  canFix(device: Pick<DeviceObservation, "reason" | "fix">): boolean {
    return this.#singles.canFix(device);
  }

  describe(): DriverDescription {
    return this.#singles.describe();
  }

  relay(): RelayReport {
    const report = this.#relay.report();
    const cameras = [...report.cameras].map(([id, camera]) => {
      return [id, { ...camera, problem: this.#problems.get(id) ?? "" }] as const;
    });
    return { ...report, cameras: new Map(cameras) };
  }

  /**
   * Resets both devices. It is done only once a browser would list the camera again.
   * @throws PluginError as {@link LoopbackDriver.reset}.
   */
  async reset(id: string): Promise<void> {
    const device = findDevice(this.devices, id);
    await this.#releaseUnlessOpen(device);
    try {
      for (const single of singlesOf(device)) await this.#singles.reset(single.id);
    } catch (error) {
      // What is left is as good a camera as it was before.
      await this.#hold(device);
      throw error;
    }
    this.#problems.delete(id);
    await this.#held.hold(device);
    // The buffers are those of the hold: the next tenant finds nothing in them but what this process writes.
    for (const single of singlesOf(device)) this.#singles.clearBuffers(single.id);
  }

  /** Repairs the camera, and the feed. @throws PluginError as {@link LoopbackDriver.repair}. */
  async repair(id: string): Promise<void> {
    const device = findDevice(this.devices, id);
    await this.#releaseUnlessOpen(device);
    try {
      for (const single of singlesOf(device)) await this.#singles.repair(single.id);
    } finally {
      await this.#hold(device);
    }
  }

  /** @throws PluginError as {@link LoopbackDriver.remove}. */
  async remove(id: string): Promise<void> {
    const device = findDevice(this.devices, id);
    await this.#releaseUnlessOpen(device);
    for (const single of singlesOf(device)) await this.#singles.remove(single.id);
    this.#problems.delete(id);
  }

  /** Releases a pair once no other process has it open. @throws PluginError `device_busy`. */
  async #releaseUnlessOpen(device: DriverDevice): Promise<void> {
    const isFree = async () => (await this.isOpen(device.id)) !== true;
    if (!(await pollUntil(isFree, this.#deps.clock, openPatience))) {
      const paths = device.nodes.map(({ hostPath }) => hostPath);
      throw new PluginError(
        "device_busy",
        `${device.id} is in use: a process has ${paths.join(" or ")} open.`,
        { remedy: `Find the process on the host: fuser -v ${paths.join(" ")}` },
      );
    }
    await this.#held.release(device.id);
  }

  async release(): Promise<void> {
    await this.leave();
    await this.#singles.release();
  }

  async leave({ hasSuccessor = false }: LeaveOptions = {}): Promise<void> {
    if (hasSuccessor) await this.#held.handOver();
    // First the thread, for all pairs that are left at once.
    await this.#relay.close();
    for (const { id } of this.devices) await this.#held.release(id, true);
  }

  async isOpen(id: string): Promise<boolean | undefined> {
    const open: (boolean | undefined)[] = [];
    for (const single of singlesOf(findDevice(this.devices, id))) {
      open.push(await this.#singles.isOpen(single.id));
    }
    if (open.includes(true)) return true;
    return open.includes(undefined) ? undefined : false;
  }

  async holders(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const pairs = ids.map((id) => ({ id, singles: singlesOf(findDevice(this.devices, id)) }));
    const found = await this.#singles.holders(
      pairs.flatMap(({ singles }) => singles.map((single) => single.id)),
    );
    return new Map(
      pairs.map(({ id, singles }) => {
        const names = singles.flatMap((single) => found.get(single.id)?.split(", ") ?? []);
        return [id, [...new Set(names.filter((name) => name !== ""))].join(", ")];
      }),
    );
  }

  watch(notify: () => void, signal: AbortSignal): void {
    this.#notify = notify;
    // A standby's is there before it takes over.
    this.#relay.start();
    this.#singles.watch(notify, signal);
    void this.#keepListed(signal);
  }

  async #keepListed(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isNeeded = this.#held.keepListed();
      await this.#deps.clock.sleep(isNeeded ? listedMs.next : listedMs.later, signal);
    }
  }

  /** Logs frames of a wrong size, and says so on the placeholder. */
  #onRelayEvent(event: RelayEvent): void {
    const { id } = event;
    const { log, placeholder } = this.#deps;
    if (event.kind === "placeholder") return;
    const before = this.#problems.get(id) ?? "";
    const problem =
      event.kind === "wrong_size" ? describeWrongSize(event.bytes, this.#settings) : "";
    if (problem === before) return;
    if (problem === "") this.#problems.delete(id);
    else this.#problems.set(id, problem);
    if (event.kind === "wrong_size") {
      log.warn("Frames of a wrong size dropped", {
        device_id: id,
        frame_bytes: event.bytes,
        detail: problem,
        remedy: "Have the application write frames of the camera's size and pixel format.",
      });
    }
    this.#relay.setPlaceholder(id, placeholder(id, problem));
    this.#notify();
  }
}
