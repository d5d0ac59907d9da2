import type { LogLevel } from "../common/logger.ts";
import type { FrameSize } from "../v4l2/video-structs.ts";

/**
 * The program's settings, validated. Each key has a row in `options.ts`. With a {@link configFile}, what belongs to a pool
 * is that of the node's first loopback pool, or the default.
 */
export interface Config {
  readonly nodeName: string;
  /** Path of the file that describes the pools; empty if the options do. */
  readonly configFile: string;
  readonly resourceName: string;
  /** How many devices this node offers. */
  readonly maxDevices: number;
  /** Number of the first device; the others follow. */
  readonly firstDeviceNumber: number;
  readonly driver: "v4l2loopback" | "simulated";
  /** What to do if another driver's device has one of the numbers. */
  readonly numberTaken: "refuse" | "elsewhere";
  /** True if this process creates, repairs and resets devices; false if it only inspects them. */
  readonly manageDevices: boolean;
  readonly v4l2MaxBuffers: number | undefined;
  /** Pixels. */
  readonly v4l2MaxWidth: number;
  readonly v4l2MaxHeight: number;
  readonly v4l2ExclusiveCaps: boolean;
  /** Template: `{id}`, `{n}` (device number), `{node}`. */
  readonly v4l2CardLabel: string;
  /** True if a module that is known to crash the running kernel is loaded nevertheless. */
  readonly v4l2LoadUnsafe: boolean;
  /** Permission bits of a device node, e.g. 0o666. */
  readonly v4l2DevicePerm: number;
  /** Group ID of a device node; undefined leaves it as it is. */
  readonly v4l2DeviceGroup: number | undefined;
  /** True if each device is a pair of nodes: a camera that browsers always list, and a feed that applications write. */
  readonly readyCameras: boolean;
  /** Size of a ready camera's frames, both even. */
  readonly readySize: FrameSize;
  readonly readyPixelFormat: "YU12" | "YUYV" | "NV12";
  /** Frames a second that a ready camera announces. */
  readonly readyRate: number;
  readonly readyPlaceholder: Placeholder;
  /** Seconds without a frame of the application after which a ready camera shows the placeholder. */
  readonly readyIdleTime: number;
  /** Placeholder frames a second. */
  readonly readyPlaceholderRate: number;
  /** Template of the path in the container: `{id}`, `{n}` (device number), `{index}` (place in the request). */
  readonly containerDevicePath: string;
  /** Variable with the path of a container's first device; the one with all paths is named so with an S. */
  readonly containerDeviceEnv: string;
  /** As {@link containerDevicePath}, of a ready camera's feed. */
  readonly containerFeedPath: string;
  readonly preStartContainer: boolean;
  /** True if a stop removes the devices that this process created and that are not in use. */
  readonly removeDevicesOnExit: boolean;
  /** Seconds between two inspections of all devices. */
  readonly healthCheckInterval: number;
  readonly kubeletSocket: string;
  /** The kubelet's pod-resources API: its devices, and the pods that own them. */
  readonly podResourcesSocket: string;
  /** Seconds between two requests to the pod-resources API. */
  readonly podResourcesInterval: number;
  /** Path of the plugin's socket; each instance adds a suffix. */
  readonly socketPath: string;
  readonly logLevel: LogLevel;
  readonly logFormat: "auto" | "json" | "pretty";
  readonly enableMetrics: boolean;
  readonly metricsAddress: string;
  readonly metricsPort: number;
  /** True if metrics name the pods that own devices. */
  readonly metricsOwners: boolean;
  /** Socket on which this process answers commands and probes. */
  readonly adminSocket: string;
  /** Directory for what outlives the process: the cordons. */
  readonly stateDir: string;
  /** Directory from which node-feature-discovery reads local features; empty writes none. */
  readonly nfdFeaturesDir: string;
  /** Directory from which container runtimes read CDI devices. */
  readonly cdiDir: string;
  /** Directory in which this process sees the host's device nodes. */
  readonly deviceDir: string;
  readonly sysfsDir: string;
  /** Base of the module trees; the kernel release is appended. */
  readonly modulesDir: string;
  /** Directory of the simulated driver's device nodes. */
  readonly simulatedDir: string;
}

/** What a ready camera shows while no application writes: a test card with its name, a colour, or a PNG file. */
export type Placeholder =
  | { readonly kind: "test_card" }
  /** Red, green and blue, each 0 to 255. */
  | { readonly kind: "colour"; readonly colour: readonly [number, number, number] }
  | { readonly kind: "file"; readonly path: string };
