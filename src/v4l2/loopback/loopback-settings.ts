import type { NodeAccess } from "../node-access.ts";
import type { DeviceParameters } from "./parameters.ts";

/** What the loopback driver is told; all of it is fixed for its life. */
export interface LoopbackSettings extends DeviceParameters, NodeAccess {
  /** Number of the first device, 0..255; the others follow. */
  readonly firstDeviceNumber: number;
  /**
   * How many devices. Up to 8 on any version of the module; more (to number 255) where it has a control
   * device, from 0.13 on.
   */
  readonly maxDevices: number;
  /** Where the host's device nodes are seen by this process: `/dev`, or a mount of it. */
  readonly deviceDir: string;
  /** `/sys` */
  readonly sysfsDir: string;
  /** Base of the module trees: `/lib/modules`. */
  readonly modulesDir: string;
  /** Of the running kernel, as `uname -r` prints it. */
  readonly kernelRelease: string;
}
