import { posix } from "node:path";
import type { Config } from "./config.ts";
import { boolean, choice } from "./types/choice.ts";
import { group } from "./types/group.ts";
import { nodeName, resourceName } from "./types/kubernetes.ts";
import {
  fractionalSeconds,
  integer,
  integerOrNone,
  octalPermission,
  seconds,
} from "./types/number.ts";
import { accept, type OptionType } from "./types/option-type.ts";
import {
  devicePathTemplate,
  directory,
  directoryOrNone,
  feedPathTemplate,
  filePathOrNone,
  instanceSuffixBytes,
  socketPath,
} from "./types/path.ts";
import { frameSize, placeholder } from "./types/picture.ts";
import { cardLabel, ipAddress, variableName } from "./types/text.ts";

/** Headings of the help, in its order. */
export type OptionGroup =
  | "Kubernetes"
  | "Devices"
  | "v4l2loopback"
  | "Ready cameras"
  | "Logs and metrics"
  | "Directories";

/** One option, as parsing, help, `.env.example`, `docs/options.md` and the Helm chart need it. */
export interface Option<T> {
  /** Without its dashes: `max-devices`. */
  readonly flag: string;
  readonly env: string;
  readonly type: OptionType<T>;
  /** The default as users write it; parsed like any other value. */
  readonly default: string;
  /** Set if the default is known only at run time, and comes from there. */
  readonly defaultFrom?: "hostname";
  /** The default beside a kubelet whose socket isn't at its default; undefined if {@link default} stays. */
  readonly besideKubelet?: (kubeletSocket: string) => string | undefined;
  readonly group: OptionGroup;
  /** Full sentences. */
  readonly description: string;
}

/** The table: its type makes it have one row for each key of {@link Config}. */
export type Options = { readonly [K in keyof Config]: Option<Config[K]> };

export const options: Options = {
  nodeName: {
    flag: "node-name",
    env: "NODE_NAME",
    type: nodeName(),
    default: "",
    defaultFrom: "hostname",
    group: "Kubernetes",
    description: "Name of the Kubernetes node this process runs on, for logs and metrics.",
  },
  configFile: {
    flag: "config",
    env: "CONFIG_FILE",
    type: filePathOrNone(),
    default: "",
    group: "Kubernetes",
    description:
      "YAML file with the pools that this node offers, each under a resource name of its own; an option that belongs to a pool is then set in the file, and nowhere else. Empty offers one pool, which the options describe.",
  },
  resourceName: {
    flag: "resource-name",
    env: "RESOURCE_NAME",
    type: resourceName(),
    default: "meeting-baas.io/video-devices",
    group: "Kubernetes",
    description: "Name of the extended resource that pods request.",
  },
  kubeletSocket: {
    flag: "kubelet-socket",
    env: "KUBELET_SOCKET",
    type: socketPath(0),
    default: "/var/lib/kubelet/device-plugins/kubelet.sock",
    group: "Kubernetes",
    description:
      "Socket on which the kubelet accepts registrations; kubelets have it at the default path. The defaults of SOCKET_PATH and, if its directory is called device-plugins, of POD_RESOURCES_SOCKET move with it.",
  },
  socketPath: {
    flag: "socket-path",
    env: "SOCKET_PATH",
    type: socketPath(instanceSuffixBytes),
    default: "/var/lib/kubelet/device-plugins/video-device-plugin.sock",
    besideKubelet: (socket) => posix.join(posix.dirname(socket), "video-device-plugin.sock"),
    group: "Kubernetes",
    description:
      "Path of the plugin's own socket, in the directory of the kubelet's; each instance adds a mark of its resource name, its process ID and a random part before the extension.",
  },
  podResourcesSocket: {
    flag: "pod-resources-socket",
    env: "POD_RESOURCES_SOCKET",
    type: socketPath(0),
    default: "/var/lib/kubelet/pod-resources/kubelet.sock",
    // As for a kubelet with the default --root-dir, whose directory is mounted at another path.
    besideKubelet: (socket) =>
      posix.basename(posix.dirname(socket)) === "device-plugins"
        ? posix.join(posix.dirname(socket), "../pod-resources/kubelet.sock")
        : undefined,
    group: "Kubernetes",
    description:
      "Socket of the kubelet's pod-resources API, which lists its devices and the pods that own them. Without an answer, the plugin doesn't notice that the kubelet has dropped it, and resets a device only when it is allocated again.",
  },
  podResourcesInterval: {
    flag: "pod-resources-interval",
    env: "POD_RESOURCES_INTERVAL",
    type: seconds(1, 3600),
    default: "10",
    group: "Kubernetes",
    description: "Longest time between two requests to the pod-resources API.",
  },
  containerDevicePath: {
    flag: "container-device-path",
    env: "CONTAINER_DEVICE_PATH",
    type: devicePathTemplate(),
    default: "/dev/{id}",
    group: "Kubernetes",
    description:
      "Path of a device inside a container, where {id} is video10, {n} is 10 and {index} is its place among the container's devices, from 0.",
  },
  containerDeviceEnv: {
    flag: "container-device-env",
    env: "CONTAINER_DEVICE_ENV",
    type: variableName(),
    default: "VIDEO_DEVICE",
    group: "Kubernetes",
    description:
      "Variable that has the path of a container's first device, of a ready camera that of its feed; the same name with an S has the paths of all, with commas between them. Of two resources in one container each needs a name of its own, since the kubelet keeps one value for a variable.",
  },
  preStartContainer: {
    flag: "pre-start-container",
    env: "PRE_START_CONTAINER",
    type: boolean(),
    default: "false",
    group: "Kubernetes",
    description:
      "Has the kubelet call the plugin (PreStartContainer) before each start of a container, so that the plugin resets the container's devices; no container with devices then starts while the plugin is away.",
  },
  maxDevices: {
    flag: "max-devices",
    env: "MAX_DEVICES",
    // V4L2's numbers 0 to 255, less the ten before the default's first
    type: integer(1, 246),
    default: "8",
    group: "Devices",
    description:
      "Number of video devices that this node offers; more than 8 need v4l2loopback 0.13 or later.",
  },
  firstDeviceNumber: {
    flag: "first-device-number",
    env: "FIRST_DEVICE_NUMBER",
    type: integer(0, 255),
    default: "10",
    group: "Devices",
    description: "Number of the first device (10 is /dev/video10); the others follow it.",
  },
  numberTaken: {
    flag: "number-taken",
    env: "NUMBER_TAKEN",
    type: choice(["refuse", "elsewhere"]),
    default: "refuse",
    group: "Devices",
    description:
      "What to do if a camera of another driver has the number of a device: refuse keeps that device unhealthy and names the camera; elsewhere skips such numbers when the plugin starts, so the IDs change only with the cameras.",
  },
  driver: {
    flag: "driver",
    env: "VIDEO_DRIVER",
    type: choice(["v4l2loopback", "simulated"]),
    default: "v4l2loopback",
    group: "Devices",
    description:
      "What provides the devices: the v4l2loopback kernel module, or a simulation for trials and tests.",
  },
  manageDevices: {
    flag: "manage-devices",
    env: "MANAGE_DEVICES",
    type: boolean(),
    default: "true",
    group: "Devices",
    description:
      'Loads the module, and creates, repairs and resets devices, which needs privileges. If off, the plugin only inspects devices: "setup" has to create them first, and a pod may find frames of the last pod in its device.',
  },
  healthCheckInterval: {
    flag: "health-check-interval",
    env: "HEALTH_CHECK_INTERVAL",
    type: seconds(1, 3600),
    default: "30",
    group: "Devices",
    description:
      "Longest time between two inspections of all devices; a change that the plugin notices is inspected at once.",
  },
  removeDevicesOnExit: {
    flag: "remove-devices-on-exit",
    env: "REMOVE_DEVICES_ON_EXIT",
    type: boolean(),
    default: "false",
    group: "Devices",
    description:
      "At a stop, removes the devices that this process created and that are not in use, and unloads the module if this process loaded it and no device is left; if off, a stop touches no device.",
  },
  v4l2MaxBuffers: {
    flag: "v4l2-max-buffers",
    env: "V4L2_MAX_BUFFERS",
    // every version of the module clips to its MAX_BUFFERS, 32 (v4l2loopback.c)
    type: integerOrNone(1, 32),
    default: "",
    group: "v4l2loopback",
    description:
      "Frame buffers of each plain device; empty for the number with which GStreamer's v4l2sink works: 3 from v4l2loopback 0.14 on, 2 before.",
  },
  v4l2MaxWidth: {
    flag: "v4l2-max-width",
    env: "V4L2_MAX_WIDTH",
    // 8192 is the module's own bound, V4L2LOOPBACK_SIZE_DEFAULT_MAX_WIDTH; 48x32 its least before 0.13
    type: integer(48, 8192),
    default: "1920",
    group: "v4l2loopback",
    description:
      "Largest width of a frame in pixels. A device uses up to width x height x 4 bytes x buffers of kernel memory, which no pod's limit covers: 24883200 bytes by default, 16588800 before v4l2loopback 0.14.",
  },
  v4l2MaxHeight: {
    flag: "v4l2-max-height",
    env: "V4L2_MAX_HEIGHT",
    type: integer(32, 8192),
    default: "1080",
    group: "v4l2loopback",
    description: "Largest height of a frame in pixels.",
  },
  v4l2ExclusiveCaps: {
    flag: "v4l2-exclusive-caps",
    env: "V4L2_EXCLUSIVE_CAPS",
    type: boolean(),
    default: "1",
    group: "v4l2loopback",
    description:
      "Shows a device as a camera only while a program writes to it, which browsers require.",
  },
  v4l2CardLabel: {
    flag: "v4l2-card-label",
    env: "V4L2_CARD_LABEL",
    type: cardLabel(),
    default: "MeetingBot_WebCam",
    group: "v4l2loopback",
    description:
      "Name of the camera in applications, where {id} is video10, {n} is 10 and {node} is the node's name; cut at 31 bytes, and without commas and double quotes before v4l2loopback 0.13.",
  },
  v4l2DevicePerm: {
    flag: "v4l2-device-perm",
    env: "V4L2_DEVICE_PERM",
    type: octalPermission(),
    default: "0666",
    group: "v4l2loopback",
    description: "Permission bits of the device nodes, in octal.",
  },
  v4l2DeviceGroup: {
    flag: "v4l2-device-group",
    env: "V4L2_DEVICE_GROUP",
    type: group(),
    default: "",
    group: "v4l2loopback",
    description:
      "Group that owns the device nodes; a name is looked up in the /etc/group that this process sees, in a container the container's; empty leaves the group as it is.",
  },
  v4l2LoadUnsafe: {
    flag: "v4l2-load-unsafe",
    env: "V4L2_LOAD_UNSAFE",
    type: boolean(),
    default: "false",
    group: "v4l2loopback",
    description:
      "Loads a module even if its version is known to crash the node's kernel (v4l2loopback 0.15.0 to 0.15.2 on Linux 6.18 and later); for a build of such a version that has the fix.",
  },
  readyCameras: {
    flag: "ready-cameras",
    env: "READY_CAMERAS",
    type: boolean(),
    default: "false",
    group: "Ready cameras",
    description:
      "Makes each device a pair of nodes: a camera, which browsers list at any time and which shows a placeholder until an application writes, and a feed, to which the application writes.",
  },
  readySize: {
    flag: "ready-size",
    env: "READY_SIZE",
    type: frameSize({ width: 48, height: 32 }, { width: 8192, height: 8192 }),
    default: "1280x720",
    group: "Ready cameras",
    description:
      "Size of a ready camera's frames, at most V4L2_MAX_WIDTH x V4L2_MAX_HEIGHT; an application has to write frames of this size.",
  },
  readyPixelFormat: {
    flag: "ready-pixel-format",
    env: "READY_PIXEL_FORMAT",
    type: choice(["YU12", "YUYV", "NV12"]),
    default: "YU12",
    group: "Ready cameras",
    description:
      "Pixel format of a ready camera's frames, and of those that an application has to write; ffmpeg calls them yuv420p, yuyv422 and nv12.",
  },
  readyRate: {
    flag: "ready-rate",
    env: "READY_RATE",
    type: integer(1, 120),
    default: "30",
    group: "Ready cameras",
    description:
      "Frames a second that a ready camera announces; an application may write fewer or more.",
  },
  readyPlaceholder: {
    flag: "ready-placeholder",
    env: "READY_PLACEHOLDER",
    type: placeholder(),
    default: "test-card",
    group: "Ready cameras",
    description:
      "What a ready camera shows while no application writes: a test card with the device's name, a colour, or a picture, which is scaled to the camera's size.",
  },
  readyIdleTime: {
    flag: "ready-idle-time",
    env: "READY_IDLE_TIME",
    type: fractionalSeconds(0.1, 60),
    default: "1",
    group: "Ready cameras",
    description:
      "How long an application writes nothing before a ready camera shows the placeholder again.",
  },
  readyPlaceholderRate: {
    flag: "ready-placeholder-rate",
    env: "READY_PLACEHOLDER_RATE",
    type: integer(1, 30),
    default: "5",
    group: "Ready cameras",
    description:
      "Placeholder frames a second: programs such as ffmpeg take their time from new frames.",
  },
  containerFeedPath: {
    flag: "container-feed-path",
    env: "CONTAINER_FEED_PATH",
    type: feedPathTemplate(),
    default: "/dev/feed{index}",
    group: "Ready cameras",
    description:
      "Path of a ready camera's feed inside a container, with {id}, {n} and {index} as in CONTAINER_DEVICE_PATH; browsers take each /dev/video… for a camera, so a feed has another name.",
  },
  logLevel: {
    flag: "log-level",
    env: "LOG_LEVEL",
    type: choice(["debug", "info", "warn", "error"]),
    default: "info",
    group: "Logs and metrics",
    description: "Lowest level that is logged.",
  },
  logFormat: {
    flag: "log-format",
    env: "LOG_FORMAT",
    type: choice(["auto", "json", "pretty"]),
    default: "auto",
    group: "Logs and metrics",
    description: "Form of the log: auto is pretty on a terminal and JSON lines elsewhere.",
  },
  enableMetrics: {
    flag: "enable-metrics",
    env: "ENABLE_METRICS",
    type: boolean(),
    default: "false",
    group: "Logs and metrics",
    description: "Serves metrics for Prometheus, probes and a status page over HTTP.",
  },
  metricsAddress: {
    flag: "metrics-address",
    env: "METRICS_ADDRESS",
    type: ipAddress(),
    default: "0.0.0.0",
    group: "Logs and metrics",
    description: "Address on which metrics, probes and the status page are served.",
  },
  metricsPort: {
    flag: "metrics-port",
    env: "METRICS_PORT",
    type: integer(1, 65535),
    default: "8080",
    group: "Logs and metrics",
    description: "TCP port on which metrics, probes and the status page are served.",
  },
  metricsOwners: {
    flag: "metrics-owners",
    env: "METRICS_OWNERS",
    type: boolean(),
    default: "true",
    group: "Logs and metrics",
    description:
      "Names the pod that owns a device in the metrics and on the status page; if off, the port names no pod, no note and no option.",
  },
  adminSocket: {
    flag: "admin-socket",
    env: "ADMIN_SOCKET",
    type: socketPath(0),
    default: "/run/video-device-plugin/admin.sock",
    group: "Logs and metrics",
    description:
      "Socket, for root alone, on which the running plugin answers probes and commands such as status, cordon and reset.",
  },
  nfdFeaturesDir: {
    flag: "nfd-features-dir",
    env: "NFD_FEATURES_DIR",
    type: directoryOrNone(),
    default: "",
    group: "Kubernetes",
    description:
      "Directory from which node-feature-discovery reads local features, mostly /etc/kubernetes/node-feature-discovery/features.d; the plugin keeps a file there that labels the node with the number of devices and the module's version; empty writes none.",
  },
  stateDir: {
    flag: "state-dir",
    env: "STATE_DIR",
    type: directory(),
    default: "/var/lib/video-device-plugin",
    group: "Directories",
    description:
      "Directory for what must survive a restart: which devices are cordoned, and the device numbers that pods may have. It also has the lock by which an instance hands over to the next one, so all instances on a node need the same. If it can't be written, devices can't be cordoned, the numbers are known until the process ends, and there is no hand-over.",
  },
  cdiDir: {
    flag: "cdi-dir",
    env: "CDI_DIR",
    type: directory(),
    default: "/var/run/cdi",
    group: "Directories",
    description:
      "Directory from which the container runtime reads devices of the Container Device Interface; the plugin keeps a file there for each pool with cdi: auto.",
  },
  deviceDir: {
    flag: "device-dir",
    env: "DEVICE_DIR",
    type: directory(),
    default: "/dev",
    group: "Directories",
    description:
      "Directory in which this process sees the host's device nodes; in a container, where the host's /dev is mounted.",
  },
  sysfsDir: {
    flag: "sysfs-dir",
    env: "SYSFS_DIR",
    type: directory(),
    default: "/sys",
    group: "Directories",
    description: "Directory in which this process sees the host's sysfs.",
  },
  modulesDir: {
    flag: "modules-dir",
    env: "MODULES_DIR",
    type: directory(),
    default: "/lib/modules",
    group: "Directories",
    description:
      "Directory of the host's kernel modules, with a directory for each kernel release.",
  },
  simulatedDir: {
    flag: "simulated-dir",
    env: "SIMULATED_DIR",
    type: directory(),
    default: "/run/video-device-plugin/simulated",
    group: "Directories",
    description: "Directory in which the simulated driver keeps its devices.",
  },
};

/** The only option without a variable, and so without a key in {@link Config}. */
export const envFileOption = {
  flag: "env-file",
  type: {
    expected: "the path of a file of NAME=value lines",
    placeholder: "PATH",
    parse: accept<string>,
  },
  description:
    "File of NAME=value lines for variables that the environment doesn't set or leaves empty; without this option no file is read, not even .env.",
} as const;

/** Keys of {@link Config} in the table's order. */
export const optionKeys = Object.keys(options) as readonly (keyof Config)[];

/** Rows of the table under their headings, in the table's order. */
export function groupedOptions(): ReadonlyMap<OptionGroup, readonly Option<unknown>[]> {
  return Map.groupBy(
    optionKeys.map((key): Option<unknown> => options[key]),
    (option) => option.group,
  );
}
