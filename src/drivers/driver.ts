import type { Signal } from "../v4l2/video-input.ts";

/**
 * The seam between video devices and everything above them: what the devices of one kind are made of, how they break
 * and what would fix them stays below it. Each implementation passes the suite in `test/contract/driver-contract.ts`.
 *
 * Calls must not overlap, except that `inspect`, `isOpen`, `holders`, `describe`, `relay`, `capabilities`, `canFix` and
 * `watch` may come at any time: the caller runs one `ensure`, `reset`, `repair`, `remove` or `release` after the other
 * (`devices/maintenance/driver-queue.ts`).
 */
export interface VideoDriver {
  /** For people, metrics and labels: `v4l2loopback`, `simulated`. */
  readonly name: string;
  /**
   * The devices this driver is responsible for, in ascending number. The list only grows in the driver's life: `ensure` and
   * `inspect` may replace it by one that begins with the same IDs, and may have other numbers for them.
   */
  readonly devices: readonly DriverDevice[];
  /** Every reason that an observation may have, beside `ok`. */
  readonly reasons: readonly string[];

  /**
   * Creates what is missing, unless the driver only finds devices: loads or adopts what provides the devices, creates devices, sets mode and group,
   * verifies every result. Idempotent; never touches a device that is right already, never a foreign one.
   *
   * @throws PluginError if nothing could be done at all. Trouble with single devices is in the report.
   */
  ensure(options?: EnsureOptions): Promise<EnsureReport>;

  /**
   * Observes every device without opening one (an open counts as a user, flips state, and on v4l2loopback 0.12 can
   * break the device). One entry a device, in `devices` order.
   */
  inspect(options?: InspectOptions): Promise<DeviceObservation[]>;

  /** What this driver can do on this node; may change after `ensure`. */
  capabilities(): DriverCapabilities;

  /**
   * True if this process can do on this node, as it is now, what would fix a device of this reason; false if only a try would
   * show it. Changes nothing, opens no video device, and never throws.
   */
  canFix(device: Pick<DeviceObservation, "reason" | "fix">): boolean;

  /** What provides the devices on this node, for people and labels; may change after `ensure`. Never throws. */
  describe(): DriverDescription;

  /** What the relay of ready cameras does right now; undefined if this driver's devices have none. Never throws. */
  relay(): RelayReport | undefined;

  /**
   * Brings a device back to the state of a new one. The caller makes sure that no pod owns it.
   *
   * @throws PluginError `device_unknown`, `device_busy` if a process holds it open, `not_supported`, or why it failed.
   */
  reset(id: string, options?: ResetOptions): Promise<void>;

  /**
   * Repairs a device in place, without removing it.
   *
   * @throws PluginError `device_unknown`, `device_busy` if a process holds it open, `not_supported` if this driver
   * has nothing to repair, or why it failed.
   */
  repair(id: string): Promise<void>;

  /**
   * Removes a device. A device that does not exist is a success.
   *
   * @throws PluginError `device_unknown`, `device_busy` if a process holds it open, `not_supported` if the driver
   * can't remove single devices, or why it failed.
   */
  remove(id: string): Promise<void>;

  /**
   * For the end of the process: unloads what provides the devices if this process loaded it, no process has it open
   * and none of its devices is left. Where single devices can't be removed, this driver's devices go with it, so the
   * caller makes sure that no pod owns one. What stays is logged, and is no error.
   *
   * @throws PluginError `unload_failed`.
   */
  release(): Promise<void>;

  /**
   * For the end of the process, which leaves the devices as they are: ends what this process does at them, so that the
   * next one can take them over at once. After it no other call but `remove` and `release` comes. Never rejects.
   */
  leave(options?: LeaveOptions): Promise<void>;

  /**
   * True if a process holds the device open, found out without opening it; undefined if that can't be known, as while
   * it is being reset. Takes well below a millisecond: Allocate waits for it.
   */
  isOpen(id: string): Promise<boolean | undefined>;

  /**
   * Makes sure that the device's path leads to the device that was inspected last, before it is allocated. Absent where no
   * path ever leads to another device.
   *
   * @throws PluginError `device_unknown`, `device_missing`, `device_unhealthy`.
   */
  confirm?(id: string): Promise<void>;

  /**
   * The processes that hold each of the devices open, for people: `pipewire (process 812)`, by ID. Empty or missing if
   * this process sees none, which proves nothing: a container has a PID namespace of its own. May take a second,
   * for one device or for all.
   */
  holders(ids: readonly string[]): Promise<ReadonlyMap<string, string>>;

  /**
   * Calls `notify` when a device may have changed, until `signal` aborts. Events may be missed, doubled or spurious,
   * so the caller inspects, and inspects on a timer as well.
   */
  watch(notify: () => void, signal: AbortSignal): void;
}

export interface InspectOptions {
  /**
   * True if the inspection must write nothing, not even for a moment, since another process manages the devices. What
   * can be seen only by writing is left out. Default false.
   */
  readonly readOnly?: boolean;
  /**
   * IDs of the devices that are known to be free: the driver may have a child process open those, and observes with a later
   * inspection what it finds. Default: none.
   */
  readonly free?: ReadonlySet<string>;
  /**
   * IDs that pods own: a driver that finds its devices, and knows one of these from before, lists it, be it there or not.
   * Default: none.
   */
  readonly owned?: ReadonlySet<string>;
}

export interface ResetOptions {
  /**
   * How long the caller waits, ms. A driver that allocates a device also where its reset has failed gives up before. Default
   * 5000.
   */
  readonly withinMs?: number;
}

export interface LeaveOptions {
  /**
   * True if another process is about to take the devices over: each is left when that process opens it, or after a
   * second in which it opens none. Default false.
   */
  readonly hasSuccessor?: boolean;
}

export interface EnsureOptions {
  /**
   * IDs of the devices that are known to be free. Where a device can be put right only by taking others down with
   * it, the driver does so only if every device is among them. Default: none.
   */
  readonly recreatable?: ReadonlySet<string>;
}

/** A device that a driver is responsible for, whether it exists at the moment or not. */
export interface DriverDevice {
  /** Device ID for the kubelet, and name of the first node: `video10`. */
  readonly id: string;
  /** 10 for `video10`; not the minor of the node's device number. If it may change: the current one, or the last known. */
  readonly number: number;
  /** The device's nodes; the first one is the one that a container is pointed to. */
  readonly nodes: readonly [DeviceNode, ...DeviceNode[]];
  readonly cleaning: Cleaning;
  /** Set if the configuration does not ask for the device: it is listed because a pod still owns it. */
  readonly surplus?: true;
  /** The NUMA node that is nearest to the device; absent if the machine has no such thing, or the driver doesn't know it. */
  readonly numaNode?: number | undefined;
}

export interface DeviceNode {
  /** Path on the host, for the container runtime: `/dev/video10`. This process may see the node elsewhere. */
  readonly hostPath: string;
  /** Path in containers of a node beside the first one, if it is not {@link hostPath}. */
  readonly containerPath?: string;
  /**
   * Set for both nodes of a ready camera: a browser reads the `camera`, and the application writes to the `feed`.
   * The driver copies each frame from the feed to the camera.
   */
  readonly role?: "camera" | "feed";
}

/** What the relay of all ready cameras does, which copies frames from feeds to cameras. */
export interface RelayReport {
  readonly isRunning: boolean;
  /** How often the driver has started it again after it had ended by itself. */
  readonly restarts: number;
  /** CPU time that it has used, seconds; over all its starts. */
  readonly cpuSeconds: number;
  /** By device ID; a device that the driver doesn't relay at the moment is missing. */
  readonly cameras: ReadonlyMap<string, CameraRelay>;
}

/** What a camera shows, and the frames since the driver created it; a reset of the device doesn't reset the counts. */
export interface CameraRelay {
  /** What a reader of the camera gets: the application's frames, or the placeholder while the application writes none. */
  readonly picture: "application" | "placeholder";
  /** Frames copied from the feed to the camera. */
  readonly applicationFrames: number;
  readonly placeholderFrames: number;
  /** Frames of the feed that have the wrong size, and were not copied. */
  readonly droppedFrames: number;
  /** Seconds from the moment at which a frame could be read until it was written, summed up over all frames. */
  readonly relaySeconds: number;
  /** The longest of those, seconds. */
  readonly maxRelaySeconds: number;
  /** One sentence on what the application does wrong at the moment; empty if nothing. */
  readonly problem: string;
}

/**
 * How what a pod left in a device is removed before the next pod gets it.
 * - `reset`: by {@link VideoDriver.reset}.
 * - `not_needed`: the device keeps nothing of its users.
 * - `unavailable`: it can't be removed on this node.
 */
export type Cleaning = "reset" | "not_needed" | "unavailable";

/** What a driver can do on this node beside ensuring, resetting and repairing. */
export interface DriverCapabilities {
  /** It can remove a single device and leave the others: {@link VideoDriver.remove}. */
  readonly remove: boolean;
}

/** What provides the devices. */
export interface DriverDescription {
  /** The module's own version; undefined if there is no module, or it doesn't say (v4l2loopback before 0.13). */
  readonly moduleVersion: string | undefined;
  /** Single devices can be created and removed while others are in use. */
  readonly dynamic: boolean;
}

/**
 * - `ok`: it exists, is this driver's, and is usable.
 * - `unavailable`: there is no such device, or its number belongs to something else.
 * - `faulty`: it exists and is this driver's, but does not work.
 */
export type DeviceState = "ok" | "unavailable" | "faulty";

/**
 * What would make a device that is not `ok` work again.
 * - `repair`: {@link VideoDriver.repair}, which leaves it in place.
 * - `reset`: {@link VideoDriver.reset}. The fault is what a user left behind: it is no fault to the pod that owns the
 *   device, or while the device waits to be cleaned.
 * - `recreate`: {@link VideoDriver.ensure}.
 * - `none`: nothing that this driver can do.
 */
export type Fix = "repair" | "reset" | "recreate" | "none";

/** One device at one moment. */
export interface DeviceObservation {
  /** Of the {@link DriverDevice}. */
  readonly id: string;
  readonly state: DeviceState;
  /** Why it is not `ok`, as a stable word of the driver's own: `missing`, `wrong_driver`, …; `ok` if it is. */
  readonly reason: string;
  /** One sentence for people: what was seen, and where. Empty if it is `ok`. */
  readonly detail: string;
  /** `none` if it is `ok`. */
  readonly fix: Fix;
  /** Set if recreating the device takes it away from its users, so that it has to be free. */
  readonly disruptive?: true;
  /** Set if it is `ok` and its node has another mode or group than the driver set: `ensure` sets them again. */
  readonly accessLost?: true;
  /** Major and minor of its first node as in sysfs, `81:0`; absent if it doesn't exist, or is no device of its own. */
  readonly deviceNumber?: string;
  /** The same of its other nodes, in their order; absent if it has none. */
  readonly otherNumbers?: readonly string[];
  /** Set where the first node's number is not all that identifies a device: another device of this ID has another identity. */
  readonly identity?: string;
  /** The signal at the device's input, as of when the device was last free; absent if that isn't known, or can't be. */
  readonly signal?: Signal;
  /** What is being streamed, `YUYV 640x480 30 fps`; absent if nothing is, or that can't be seen. */
  readonly format?: string;
}

/** The observation of a device that works. */
export function okObservation(id: string): DeviceObservation {
  return { id, state: "ok", reason: "ok", detail: "", fix: "none" };
}

/**
 * What became of each device: its ID is in exactly one of the lists, each in the order of `devices`. A device that is missing,
 * and that this driver can't create, is in none.
 */
export interface EnsureReport {
  /**
   * Devices that did not exist before this call, and that this very call created: they never had a user, and this
   * process may remove them at its end. A device that only lacked its node, could not be opened, or had a user's
   * traces is `adopted`, and so is one that another process created meanwhile.
   */
  readonly created: readonly string[];
  /** Devices that are usable now and were not created by this call: they may hold what an earlier user left. */
  readonly adopted: readonly string[];
  /** Devices that are not usable; the next call tries again. */
  readonly failed: readonly EnsureFailure[];
}

/** Why a device could not be created, or not be put right. */
export interface EnsureFailure {
  readonly id: string;
  /** A `PluginError` with a remedy. */
  readonly error: Error;
}
