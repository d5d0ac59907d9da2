import type { NodeAccess } from "../../v4l2/node-access.ts";
import type { DeviceParameters } from "./module/parameters.ts";

/** What the loopback driver is told; all of it is fixed for its life. */
export interface LoopbackSettings extends DeviceParameters, NodeAccess {
  /** Number of the first device, 0..255; the others follow. */
  readonly firstDeviceNumber: number;
  /**
   * How many devices. Up to 8 on any version of the module; more (to number 255) where it has a control
   * device, from 0.13 on.
   */
  readonly maxDevices: number;
  /** Numbers that somebody has devices of: what of them is beyond the wanted ones is answered for, too. */
  readonly heldNumbers?: readonly number[];
  /**
   * Card label of the devices, with `{id}`, `{n}` and `{node}` in it; cut at 31 bytes. Empty: the module's
   * default.
   */
  readonly cardLabel: string;
  /** What `{node}` stands for. */
  readonly nodeName: string;
  /**
   * What to do about a number that another driver's device has: `refuse` leaves the device out, so that
   * it is `wrong_driver`; `elsewhere` passes over such numbers when the devices' numbers are laid out, once,
   * at the start.
   */
  readonly numberTaken: "refuse" | "elsewhere";
  /** Where the host's device nodes are seen by this process: `/dev`, or a mount of it. */
  readonly deviceDir: string;
  /** `/sys` */
  readonly sysfsDir: string;
  /** Base of the module trees: `/lib/modules`. */
  readonly modulesDir: string;
  /** Directories with modprobe's configuration, the first of a name counting. */
  readonly modprobeDirs: readonly string[];
  /** Of the running kernel, as `uname -r` prints it. */
  readonly kernelRelease: string;
  /** Whether the kernel clears the memory it hands out; undefined (the default): that can't be told. */
  readonly initOnAlloc?: boolean | undefined;
}
