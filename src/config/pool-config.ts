import type { DeviceRule } from "../v4l2/selects.ts";
import type { Config } from "./config.ts";

/** The keys of {@link Config} that each pool of v4l2loopback devices has for itself; all others are the process's. */
export const loopbackPoolKeys = [
  "resourceName",
  "containerDevicePath",
  "containerDeviceEnv",
  "containerFeedPath",
  "preStartContainer",
  "maxDevices",
  "firstDeviceNumber",
  "numberTaken",
  "v4l2MaxBuffers",
  "v4l2MaxWidth",
  "v4l2MaxHeight",
  "v4l2ExclusiveCaps",
  "v4l2CardLabel",
  "v4l2DevicePerm",
  "v4l2DeviceGroup",
  "readyCameras",
  "readySize",
  "readyPixelFormat",
  "readyRate",
  "readyPlaceholder",
  "readyIdleTime",
  "readyPlaceholderRate",
] as const satisfies readonly (keyof Config)[];

/** What one pool offers, and under which resource name. */
export type PoolConfig = LoopbackPool | CameraPool;

/** v4l2loopback devices that the plugin creates. `{ ...config, ...pool.options }` is the configuration of this pool. */
export interface LoopbackPool {
  readonly kind: "loopback";
  /** A DNS label, unique in the node. Without a file: `default`. */
  readonly name: string;
  readonly options: Pick<Config, (typeof loopbackPoolKeys)[number]>;
  readonly cdi: CdiUse;
}

/**
 * `auto` has the plugin write a file of CDI devices and name them beside device specs; runtimes without the Container Device
 * Interface ignore the names.
 */
export type CdiUse = "auto" | "off";

/** The pool that the options describe, without a file. */
export function defaultPool(config: Config): LoopbackPool {
  const options = Object.fromEntries(loopbackPoolKeys.map((key) => [key, config[key]]));
  return {
    kind: "loopback",
    name: "default",
    options: options as LoopbackPool["options"],
    cdi: "off",
  };
}

/** Real V4L2 devices of the node: `devices` in the file. */
export interface CameraPool {
  readonly kind: "devices";
  readonly name: string;
  readonly options: Pick<
    Config,
    "resourceName" | "containerDevicePath" | "containerDeviceEnv" | "preStartContainer"
  >;
  /** A device belongs to the pool if it matches one of these, and none of {@link exclude}. Each has its `kind`. */
  readonly select: readonly DeviceRule[];
  /** These match devices without hardware as well. */
  readonly exclude: readonly DeviceRule[];
  /** What makes a device the same one after it was plugged in again; `auto` takes the serial number if it is one. */
  readonly identity: "auto" | "serial" | "port";
  /** ID of the pool's only device; empty names each by its identity. */
  readonly deviceName: string;
  /** Nodes of the same physical device that a container gets as well. */
  readonly with: readonly ("metadata" | "media" | "subdevices" | "usb")[];
  /** Fewer devices than this are a warning in the log. */
  readonly expect: number;
  /** How many containers may have a device at once. */
  readonly share: number;
  readonly clean: "none" | "controls" | "required";
  readonly signal: "ignore" | "report" | "required";
  readonly cdi: CdiUse;
}
