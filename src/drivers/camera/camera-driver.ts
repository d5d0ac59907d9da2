import { messageOf, PluginError } from "../../common/plugin-error.ts";
import type { DeviceNumber } from "../../linux/device-number.ts";
import { formatDevice } from "../../linux/device-number.ts";
import { deviceId } from "../../v4l2/device-ids.ts";
import { describeHolders, findOtherHolders } from "../../v4l2/holders.ts";
import type { VideoInput } from "../../v4l2/video-input.ts";
import type {
  DeviceObservation,
  DriverDevice,
  EnsureReport,
  InspectOptions,
  ResetOptions,
  VideoDriver,
} from "../driver.ts";
import { findDevice } from "../driver-devices.ts";
import type { CameraCatalog, PluggedCamera } from "./camera-catalog.ts";
import { CameraLinks, type LinkTarget } from "./camera-links.ts";
import type { CameraPlaces, CameraPoolSettings, LiveCameraSettings } from "./camera-settings.ts";
import { CameraSignals, type SignalDeps, signalIn } from "./camera-signals.ts";
import { type FurtherNode, furtherNodes } from "./further-nodes.ts";
import { isOpenInKernel } from "./list-cameras.ts";
import { ListedDevices } from "./listed-devices.ts";
import { cameraReasons, observeCamera } from "./observe-camera.ts";
import type { NodeAnswer } from "./questions.ts";
import { resetTrouble } from "./reset-answer.ts";
import { type WatchPlugsDeps, watchPlugs } from "./watch-plugs.ts";

export interface CameraDriverDeps
  extends Pick<SignalDeps, "queryInputs">,
    Omit<WatchPlugsDeps, "deviceDir"> {
  /** The devices of all pools. */
  readonly catalog: CameraCatalog;
  /**
   * Resets a node's controls in a process that may hang; undefined if that process did not begin within `startMs`: then it opens
   * nothing any more.
   */
  readonly resetControls: (
    path: string,
    startMs: number,
  ) => Promise<NodeAnswer<"reset"> | undefined>;
  /** The device number of a node; undefined if it is no character device, or there is none. */
  readonly nodeNumber: (path: string) => DeviceNumber | undefined;
}

/**
 * The real devices of one pool: USB cameras, capture cards, codecs. It creates none, and knows a device by a name that
 * stays, whatever number the kernel gives it. A device that was plugged in once stays listed until the process ends.
 */
export class CameraDriver implements VideoDriver {
  readonly name = "v4l2";
  readonly reasons = cameraReasons;
  #settings: CameraPoolSettings;
  readonly #places: CameraPlaces;
  readonly #deps: CameraDriverDeps;
  readonly #links: CameraLinks;
  readonly #listed: ListedDevices;
  readonly #signals: CameraSignals;
  readonly #listeners = new Set<() => void>();
  /** The devices of this pool that are plugged in, by ID; from the last scan. */
  #plugged: ReadonlyMap<string, readonly PluggedCamera[]> = new Map();
  /** What was there at the last inspection, by ID: `appearance`. */
  readonly #inspected = new Map<string, string>();
  /** Why a device's links could not be made, by its ID. */
  readonly #linkErrors = new Map<string, string>();
  #isShort = false;
  /** True if devices may have come that were not asked what they are. */
  #hasNew = true;
  /** True if devices have answered since the last inspection. */
  #hasAnswers = false;

  /** @param allocated IDs of the pool's devices that pods own at the start: they are listed even if they are unplugged. */
  constructor(
    settings: CameraPoolSettings,
    places: CameraPlaces,
    allocated: readonly string[],
    deps: CameraDriverDeps,
  ) {
    this.#settings = settings;
    this.#places = places;
    this.#deps = deps;
    this.#links = new CameraLinks(places.linkDir, places.hostDeviceDir ?? "/dev");
    this.#listed = new ListedDevices({
      ...{ clean: settings.clean, links: this.#links },
      furtherOf: (camera) => furtherNodes(camera, settings.with, places.sysfsDir),
    });
    this.#signals = new CameraSignals(deps);
    this.#recall(new Set(allocated));
  }

  get devices(): readonly DriverDevice[] {
    return this.#listed.all;
  }

  /** How many devices its pool expects. */
  get expected(): number {
    return this.#settings.expect;
  }

  /** Does as the next settings say from the next inspection on, which it asks for. */
  change({ expect, signal }: LiveCameraSettings): void {
    this.#settings = { ...this.#settings, expect, signal };
    this.#notify();
  }

  /** Nothing is created: resolves when devices that are plugged in have answered, or have not in time. */
  async ensure(): Promise<EnsureReport> {
    this.#scan();
    await this.#deps.catalog.ask();
    this.#scan();
    await this.#askSignals(new Set());
    const seen = await this.inspect();
    const adopted = seen.filter(({ state }) => state === "ok").map(({ id }) => id);
    return { created: [], adopted, failed: [] };
  }

  async inspect({
    readOnly = false,
    free,
    owned,
  }: InspectOptions = {}): Promise<DeviceObservation[]> {
    if (owned !== undefined) this.#recall(owned);
    this.#scan(readOnly);
    if (!readOnly) {
      this.#warnOfShortage();
      this.#ask();
      if (free !== undefined) void this.#askSignals(free);
    }
    return this.devices.map(({ id }) => {
      const plugged = this.#plugged.get(id) ?? [];
      const [camera] = plugged;
      const observed = observeCamera({
        ...{ id, plugged, linkError: this.#linkErrors.get(id) ?? "" },
        input: camera && this.#inputOf(camera),
        needsSignal: this.#settings.signal === "required",
        nodeNumber: camera && this.#deps.nodeNumber(camera.main.path),
      });
      this.#inspected.set(id, camera?.main.appearance ?? "");
      const there = observed.deviceNumber === undefined ? undefined : camera;
      if (!readOnly) this.#link(id, there);
      const further = there === undefined ? [] : this.#furtherOf(there);
      if (further.length === 0) return observed;
      return { ...observed, otherNumbers: further.map(({ number }) => number) };
    });
  }

  capabilities() {
    return { remove: false };
  }

  /** Hardware is not this driver's to fix. */
  canFix() {
    return false;
  }

  describe() {
    return { moduleVersion: undefined, dynamic: false };
  }

  relay() {
    return undefined;
  }

  /** Sets the device's controls to their defaults. */
  async reset(id: string, { withinMs = 5000 }: ResetOptions = {}): Promise<void> {
    const device = findDevice(this.devices, id);
    if (device.cleaning !== "reset") {
      throw new PluginError("not_supported", `${id} has nothing that is reset between pods.`);
    }
    this.#scan();
    const camera = this.#only(id);
    if (this.#isOpen(camera) === true) {
      throw new PluginError("device_busy", `${id} is held open by a process.`);
    }
    // A device has 2 s to answer: within the 5 s of a reset between two pods there is time for both. Where Allocate waits for
    // less, and for several devices, each leaves time for the next.
    const answer = await this.#deps.resetControls(camera.main.path, withinMs / 2);
    const trouble = resetTrouble(id, answer);
    if (answer !== undefined && answer.state !== "answered") {
      this.#deps.catalog.markTrouble(camera, answer);
    }
    if (trouble === undefined) return;
    if (this.#settings.clean === "required") throw trouble;
    this.#deps.log.warn("Controls not reset", {
      device_id: id,
      ...trouble.fields(),
      next: "the device is allocated with the controls that its last pod has left",
    });
  }

  async repair(id: string): Promise<void> {
    this.#refuse(id, "repaired");
  }

  async remove(id: string): Promise<void> {
    this.#refuse(id, "removed");
  }

  async release(): Promise<void> {}

  async leave(): Promise<void> {
    await this.#deps.catalog.saved();
  }

  /** Known for USB cameras alone, and on kernels up to 6.15. */
  async isOpen(id: string): Promise<boolean | undefined> {
    findDevice(this.devices, id);
    const [camera] = this.#plugged.get(id) ?? [];
    return camera === undefined ? undefined : this.#isOpen(camera);
  }

  async confirm(id: string): Promise<void> {
    findDevice(this.devices, id);
    this.#scan();
    const camera = this.#only(id);
    const { main } = camera;
    const node = this.#deps.nodeNumber(main.path);
    const isSame =
      main.appearance === this.#inspected.get(id) &&
      node !== undefined &&
      main.device !== undefined &&
      formatDevice(node) === formatDevice(main.device) &&
      this.#links.areAt(id, this.#targetsOf(camera));
    if (isSame) return;
    throw new PluginError(
      "device_unhealthy",
      `${id} was unplugged, or plugged in again, a moment ago.`,
      { remedy: "Try again: the plugin is inspecting the device." },
    );
  }

  async holders(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const numbers = ids.map((id) =>
      (this.#plugged.get(id) ?? []).flatMap(({ nodes }) =>
        nodes.flatMap(({ device }) => device ?? []),
      ),
    );
    const found = await findOtherHolders(numbers.flat());
    return new Map(
      ids.map((id, at) => {
        const all = (numbers[at] ?? []).flatMap((number) => found.get(formatDevice(number)) ?? []);
        const once = new Map(all.map((holder) => [holder.pid, holder]));
        return [id, describeHolders([...once.values()])];
      }),
    );
  }

  watch(notify: () => void, signal: AbortSignal): void {
    const answered = () => {
      this.#hasAnswers = true;
      notify();
    };
    const plugged = () => {
      this.#hasNew = true;
      notify();
    };
    this.#deps.catalog.watch(answered, signal);
    this.#listeners.add(notify);
    signal.addEventListener("abort", () => this.#listeners.delete(notify), { once: true });
    watchPlugs({ ...this.#deps, deviceDir: this.#places.deviceDir }, plugged, signal);
  }

  /**
   * Has the catalog ask for an inspection what new devices are; the answers come later, since a device that does not answer must
   * hold up no inspection. An inspection because of answers asks no device that udev is not done with, which has its own
   * notification: else each device of a storm of plugs would be a list of its own.
   */
  #ask(): void {
    const { catalog } = this.#deps;
    if (this.#hasNew || !this.#hasAnswers) {
      // What is being asked has left out what came later.
      if (!catalog.isAsking) this.#hasNew = false;
      void catalog.ask();
    }
    this.#hasAnswers = false;
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** Lists those of the devices that were plugged in before, and may be unplugged now. */
  #recall(ids: ReadonlySet<string>): void {
    const { remembered } = this.#deps.catalog;
    this.#listed.recall(remembered.filter(({ id }) => ids.has(id)));
  }

  /** Takes in what is plugged in now. */
  #scan(readOnly = false): void {
    const all = this.#deps.catalog.scan(!readOnly);
    const ours = all.filter(({ pool }) => pool?.name === this.#settings.name);
    const listed = ours.filter(({ id, isKnown }) => isKnown || this.#listed.has(id));
    this.#plugged = Map.groupBy(listed, ({ id }) => id);
    this.#listed.take(listed);
  }

  /** Logs that devices are missing, and that they are there again. */
  #warnOfShortage(): void {
    const { expect } = this.#settings;
    const found = this.#plugged.size;
    if (this.#isShort === found < expect) return;
    this.#isShort = found < expect;
    const ids = [...this.#plugged.keys()];
    const fields = { expected: expect, plugged_in: found, device_ids: ids };
    if (this.#isShort) {
      this.#deps.log.warn("Fewer devices than expected", {
        ...fields,
        remedy: "Plug them in, or set devices.expect of the pool to their number.",
      });
    } else this.#deps.log.info("All expected devices are plugged in", fields);
  }

  #inputOf(camera: PluggedCamera): VideoInput | undefined {
    return this.#settings.signal === "ignore" ? undefined : this.#signals.inputOf(camera);
  }

  /** Asks free devices whether their inputs have a signal, and calls the listeners if that is new. */
  async #askSignals(free: ReadonlySet<string>): Promise<void> {
    if (this.#settings.signal === "ignore") return;
    const cameras = [...this.#plugged.values()].flatMap(([camera]) => camera ?? []);
    const before = new Map(cameras.map((camera) => [camera, this.#signals.inputOf(camera)]));
    const changed = await this.#signals.ask(cameras, free);
    if (changed.length === 0) return;
    // What makes a device unhealthy is logged as such.
    if (this.#settings.signal === "report") {
      for (const camera of changed) this.#logSignal(camera, before.get(camera));
    }
    this.#notify();
  }

  #logSignal(camera: PluggedCamera, before: VideoInput | undefined): void {
    const input = this.#signals.inputOf(camera);
    const [was, is] = [signalIn(before), signalIn(input)];
    if (is === was || (was === undefined && is === "present")) return;
    const message = is === "missing" ? "Input without a signal" : "Input has a signal again";
    this.#deps.log.info(message, { device_id: camera.id, input: input?.name });
  }

  #furtherOf(camera: PluggedCamera): FurtherNode[] {
    return furtherNodes(camera, this.#settings.with, this.#places.sysfsDir);
  }

  #targetsOf(camera: PluggedCamera): LinkTarget[] {
    return [{ path: deviceId(camera.main.number) }, ...this.#furtherOf(camera)];
  }

  #link(id: string, camera: PluggedCamera | undefined): void {
    try {
      this.#links.update(id, camera === undefined ? [] : this.#targetsOf(camera));
      this.#linkErrors.delete(id);
    } catch (reason) {
      this.#linkErrors.set(id, messageOf(reason));
    }
  }

  #isOpen({ main }: PluggedCamera): boolean | undefined {
    return isOpenInKernel(this.#places.sysfsDir, main);
  }

  /** @throws PluginError `device_missing`, `device_unhealthy`. */
  #only(id: string): PluggedCamera {
    const [camera] = this.#plugged.get(id) ?? [];
    if (camera === undefined) throw new PluginError("device_missing", `${id} is not plugged in.`);
    if (!camera.isAmbiguous) return camera;
    throw new PluginError("device_unhealthy", `Several devices have the name ${id}.`);
  }

  #refuse(id: string, what: string): never {
    findDevice(this.devices, id);
    throw new PluginError("not_supported", `${id} is a real device, which can't be ${what}.`, {
      remedy: "Unplug it and plug it in again.",
    });
  }
}
