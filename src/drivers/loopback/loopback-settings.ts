import type { NodeAccess } from "../../v4l2/node-access.ts";
import type { ParameterSettings } from "./module/parameters.ts";

/** Settings of the loopback driver, fixed for its life. */
export interface LoopbackSettings extends ParameterSettings, NodeAccess {
  /** Number of the first device, 0..255; the others follow. */
  readonly firstDeviceNumber: number;
  /**
   * How many devices. Up to 8 on any version of the module; more (to number 255) where it has a control
   * device, from 0.13 on.
   */
  readonly maxDevices: number;
  /** Numbers of devices that pods own. Those beyond the wanted ones become surplus devices. Default: none. */
  readonly allocatedNumbers?: readonly number[];
  /** Numbers of other drivers' devices in this process, which are skipped. Default: none. */
  readonly reservedNumbers?: ReadonlySet<number>;
  /** True if each number is a ready camera, which has a feed as a second device. Default: false. */
  readonly pairs?: boolean;
  /** Card label of the devices, with `{id}`, `{n}` and `{node}` in it; cut at 31 bytes. Empty: the module's default. */
  readonly cardLabel: string;
  /** What `{node}` stands for. */
  readonly nodeName: string;
  /**
   * What to do if another driver's device has a number: `refuse` leaves our device out, so that it is `wrong_driver`;
   * `elsewhere` skips such numbers, once, at the start.
   */
  readonly numberTaken: "refuse" | "elsewhere";
  /** Where this process sees the host's device nodes: `/dev`, or a mount of it. */
  readonly deviceDir: string;
  /** `/sys` */
  readonly sysfsDir: string;
  /** Base of the module trees: `/lib/modules`. */
  readonly modulesDir: string;
  /** Directories with modprobe's configuration; of two files of one name the first counts. */
  readonly modprobeDirs: readonly string[];
  /** Of the running kernel, as `uname -r` prints it. */
  readonly kernelRelease: string;
  /** True if a module that is known to crash this kernel is loaded nevertheless. Default: false. */
  readonly loadUnsafe?: boolean;
  /** True if the kernel clears the memory it hands out. Default: unknown. */
  readonly initOnAlloc?: boolean | undefined;
  /** True if observing must not write to /sys, so that it is mostly unknown whether a device is open. Default: false. */
  readonly readOnly?: boolean;
  /** False if this process only creates devices, and so needs to open none. Default: true unless `readOnly`. */
  readonly opensDevices?: boolean;
}
