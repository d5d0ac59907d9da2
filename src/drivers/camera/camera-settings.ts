import type { IdentityRule } from "../../v4l2/identify.ts";
import type { DeviceRule } from "../../v4l2/selects.ts";
import type { FurtherKind } from "./further-nodes.ts";

/** Which devices one pool has, and how the plugin treats them. */
export interface CameraPoolSettings {
  /** Unique among the pools of the node. */
  readonly name: string;
  /** A device belongs to the first pool of which it matches one of these, and none of {@link exclude}. */
  readonly select: readonly DeviceRule[];
  readonly exclude: readonly DeviceRule[];
  readonly identity: IdentityRule;
  /** Nodes of the same device that a container gets as well. */
  readonly with: readonly FurtherKind[];
  /** ID of the pool's only device; empty names each by its identity. */
  readonly deviceName: string;
  /** Fewer devices that are plugged in than this are a warning in the log. */
  readonly expect: number;
  /**
   * What happens to controls between two pods.
   * - `none`: they stay as the last pod has left them.
   * - `controls`: the plugin sets them to their defaults. A device that refuses is allocated nevertheless.
   * - `required`: the same, and such a device is not allocated.
   */
  readonly clean: "none" | "controls" | "required";
  /**
   * What a missing signal at the input of a capture card is.
   * - `ignore`: nothing; devices aren't asked.
   * - `report`: shown, and the device is healthy.
   * - `required`: the device is unhealthy.
   */
  readonly signal: "ignore" | "report" | "required";
}

/** What can change while a driver runs. */
export type LiveCameraSettings = Pick<CameraPoolSettings, "expect" | "signal">;

/** Where the kernel, and the plugin, show devices. */
export interface CameraPlaces {
  /** Where this process sees the host's /dev. */
  readonly deviceDir: string;
  readonly sysfsDir: string;
  /**
   * Directory of the links by which container runtimes find the devices: one for each device ID, to the node that the device
   * has at the moment. The host has it under the same path.
   */
  readonly linkDir: string;
  /** Where the host has its nodes, for those links. Default /dev. */
  readonly hostDeviceDir?: string;
}
