/**
 * The seam between "what is a video device made of" and everything above it.
 * Two implementations, held to one contract suite (`test/contract/driver-contract.ts`).
 */
export interface VideoDriver {
  readonly name: "v4l2loopback" | "simulated";
  /** The devices this driver answers for: constant for its life, in ascending number. */
  readonly devices: readonly DriverDevice[];

  /**
   * Makes real what is wanted: loads or adopts what provides the devices, creates missing ones, sets
   * mode and group, verifies every result. Idempotent; never touches a device that is already right,
   * never a foreign one. Rejects only if nothing could be done at all (a `PluginError` that says why);
   * trouble with single devices is in the report.
   *
   * `mayRemake` says whether it is known of a device that nobody owns it; by default of none. Where a device can be
   * put right only by taking others down with it, that is done only if `mayRemake` is true of every device.
   */
  ensure(mayRemake?: (id: string) => boolean): Promise<EnsureReport>;

  /**
   * What can be seen of every device right now, without opening one (an open counts as a user, flips
   * state, and on v4l2loopback 0.12 can break the device). One entry a device, in `devices` order.
   */
  inspect(): Promise<DeviceObservation[]>;

  /** What this driver can do on this node; may change after `ensure`. */
  capabilities(): DriverCapabilities;

  /** What provides the devices on this node, for people and labels; may change after `ensure`. Never throws. */
  describe(): DriverDescription;

  /**
   * Brings a device back to the state of a new one. Rejects with `device_busy` if somebody holds it,
   * `not_supported` if the driver can't. The caller answers for nobody owning it.
   */
  reset(id: string): Promise<void>;

  /**
   * Mends what can be mended in place, without removing the device (`dead_caps`). Rejects with
   * `device_busy` if somebody holds it, `not_supported` if there is nothing this driver could mend.
   */
  repair(id: string): Promise<void>;

  /**
   * Removes the device. Rejects with `device_busy` if somebody holds it, `not_supported` if the
   * driver can't remove single ones; a device that isn't there is a success.
   */
  remove(id: string): Promise<void>;

  /**
   * For the end of the process: unloads what provides the devices if this process loaded it, nobody has
   * it open and no device is left of it. Where single devices can't be removed this driver's go with it,
   * so the caller answers for nobody owning one. What stays is told, and is no error; rejects with
   * `unload_failed`.
   */
  release(): Promise<void>;

  /** Whether anybody holds the device open, found out without opening it; undefined if that can't be known. */
  isOpen(id: string): Promise<boolean | undefined>;

  /**
   * Calls `notify` when something may have changed, until `signal` aborts. Events are hints: they may be
   * missed, doubled or spurious, so whoever listens inspects, and inspects on a timer as well.
   */
  watch(notify: () => void, signal: AbortSignal): void;
}

/** One of the devices that a driver answers for, whether it exists at the moment or not. */
export interface DriverDevice {
  /** Device ID as the kubelet sees it, and name of the node: `video10`. */
  readonly id: string;
  /** 10 for `video10`; not the minor of the node's device number. */
  readonly number: number;
  /** Path of the node on the host, for the container runtime: `/dev/video10`. This process may see it elsewhere. */
  readonly hostPath: string;
  /** Set if it is none of those that are wanted: it is answered for because somebody still has it. */
  readonly extra?: true;
}

/** What a driver can do to single devices on this node. What it can't, its method rejects with `not_supported`. */
export interface DriverCapabilities {
  /** Brings a single device back to the state of a new one: {@link VideoDriver.reset}. */
  readonly reset: boolean;
  /** Removes a single device and leaves the others: {@link VideoDriver.remove}. */
  readonly remove: boolean;
}

/** What provides the devices. */
export interface DriverDescription {
  /** The module's, as it says itself; undefined if there is none, or it doesn't say (v4l2loopback before 0.13). */
  readonly moduleVersion: string | undefined;
  /** Single devices can be made and removed while others are in use. */
  readonly dynamic: boolean;
}

/**
 * State of a device as a driver sees it.
 * - `ok`: there, ours, usable.
 * - `missing`: no such device, or no node for it.
 * - `wrong_driver`: the number belongs to something that isn't ours.
 * - `module_gone`: what provides the devices is not loaded.
 * - `faulty`: there and ours, but it does not work.
 * - `wrong_number`: ours, but at another number than its own.
 * - `dead_caps`: neither capture nor output (v4l2loopback 0.12 after a writer that only wrote).
 * - `stuck_writer`: a writer's mark is on it, and nobody holds it open.
 */
export type DeviceState =
  | "ok"
  | "missing"
  | "wrong_driver"
  | "module_gone"
  | "faulty"
  | "wrong_number"
  | "dead_caps"
  | "stuck_writer";

/** One device at one moment. */
export interface DeviceObservation {
  /** Of the {@link DriverDevice}. */
  readonly id: string;
  readonly state: DeviceState;
  /** One sentence for people: what was seen, and where. Empty for `ok`. */
  readonly detail: string;
  /** Set if it is `ok` and its node has another mode or group than it was given: `ensure` gives them back. */
  readonly accessLost?: true;
  /** What is being streamed, `YUYV 640x480 30 fps`; absent if nothing is, or that can't be seen. */
  readonly format?: string;
}

/** What came of each device: its ID is in exactly one of the lists, each in the order of `devices`. */
export interface EnsureReport {
  /**
   * Devices that did not exist before this call, and that this call itself has made: nobody has ever used one, and
   * this process may remove it at its end. Not so of a device that only lacked its node, could not be opened, or was
   * marked by a writer, and not of one that somebody else made meanwhile: in doubt a device is `adopted`.
   */
  readonly created: readonly string[];
  /** Devices that are usable now and were not made by this call: they may hold what an earlier user left. */
  readonly adopted: readonly string[];
  /** Devices that are not usable; the next call tries again. */
  readonly failed: readonly EnsureFailure[];
}

/** Why a device could not be made, or not be put right. */
export interface EnsureFailure {
  readonly id: string;
  /** A `PluginError` with what to do. */
  readonly error: Error;
}
