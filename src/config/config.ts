import type { LogLevel } from "../common/logger.ts";

/** Everything the program can be told, validated. One row of `options.ts` for each key. */
export interface Config {
  readonly nodeName: string;
  readonly resourceName: string;
  /** How many devices this node offers. */
  readonly maxDevices: number;
  /** Number of the first device; the others follow. */
  readonly firstDeviceNumber: number;
  readonly driver: "v4l2loopback" | "simulated";
  /** What to do about a device number that another driver has. */
  readonly numberTaken: "refuse" | "elsewhere";
  /** Whether this process makes, repairs and cleans devices, or only looks at them. */
  readonly manageDevices: boolean;
  readonly v4l2MaxBuffers: number;
  /** Pixels. */
  readonly v4l2MaxWidth: number;
  readonly v4l2MaxHeight: number;
  readonly v4l2ExclusiveCaps: boolean;
  /** Template: `{id}`, `{n}` (device number), `{node}`. */
  readonly v4l2CardLabel: string;
  /** Permission bits of a device node, e.g. 0o666. */
  readonly v4l2DevicePerm: number;
  /** Group ID of a device node; undefined leaves it as it is. */
  readonly v4l2DeviceGroup: number | undefined;
  /** Path template in the container: `{id}`, `{n}` (device number), `{index}` (place in the request). */
  readonly containerDevicePath: string;
  readonly preStartContainer: boolean;
  /** Remove, at the end, the devices that this process made and nobody uses. */
  readonly removeDevicesOnExit: boolean;
  /** Seconds between two inspections of all devices. */
  readonly healthCheckInterval: number;
  readonly kubeletSocket: string;
  /** Where the kubelet tells what it has to give; asked to audit the registration. */
  readonly podResourcesSocket: string;
  /** Seconds between two questions to the pod-resources API. */
  readonly podResourcesInterval: number;
  /** The plugin's socket is named after this path, with a suffix for the instance. */
  readonly socketPath: string;
  readonly logLevel: LogLevel;
  readonly logFormat: "auto" | "json" | "pretty";
  readonly enableMetrics: boolean;
  readonly metricsAddress: string;
  readonly metricsPort: number;
  /** Whether metrics name the pods that have devices. */
  readonly metricsOwners: boolean;
  /** Where people and probes talk to this process. */
  readonly adminSocket: string;
  /** What has to outlive the process: which devices are cordoned. */
  readonly stateDir: string;
  /** Where node-feature-discovery reads local features; empty if it is told nothing. */
  readonly nfdFeaturesDir: string;
  /** Where the host's device nodes are seen by this process. */
  readonly deviceDir: string;
  readonly sysfsDir: string;
  /** Base of the module trees; the kernel release is appended. */
  readonly modulesDir: string;
  /** Where the simulated driver keeps its device nodes. */
  readonly simulatedDir: string;
}
