import type { Config } from "./config.ts";
import { boolean, choice } from "./types/choice.ts";
import { group } from "./types/group.ts";
import { nodeName, resourceName } from "./types/kubernetes.ts";
import { integer, octalPermission, seconds } from "./types/number.ts";
import type { OptionType } from "./types/option-type.ts";
import {
  devicePathTemplate,
  directory,
  directoryOrNone,
  INSTANCE_SUFFIX_BYTES,
  socketPath,
} from "./types/path.ts";
import { cardLabel, ipAddress } from "./types/text.ts";

/** Headings of the help, in the order in which they are shown. */
export type OptionGroup =
  | "Kubernetes"
  | "Devices"
  | "v4l2loopback"
  | "Logs and metrics"
  | "Directories";

/** One option: everything that parsing, help, `.env.example` and the README know about it. */
export interface Option<T> {
  /** Without its dashes: `max-devices`. */
  readonly flag: string;
  readonly env: string;
  readonly type: OptionType<T>;
  /** The default as a person would write it; parsed like any other value. */
  readonly default: string;
  /** Where the default comes from instead, if it is only known at run time. */
  readonly defaultFrom?: "hostname";
  readonly group: OptionGroup;
  /** One full sentence. */
  readonly description: string;
}

/** The table: exactly one row for each key of {@link Config}, held so by its type. */
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
  resourceName: {
    flag: "resource-name",
    env: "RESOURCE_NAME",
    type: resourceName(),
    default: "meeting-baas.io/video-devices",
    group: "Kubernetes",
    description: "Name of the extended resource that pods ask for.",
  },
  kubeletSocket: {
    flag: "kubelet-socket",
    env: "KUBELET_SOCKET",
    type: socketPath(0),
    default: "/var/lib/kubelet/device-plugins/kubelet.sock",
    group: "Kubernetes",
    description:
      "Socket on which the kubelet takes registrations; real kubelets have it at the default path.",
  },
  socketPath: {
    flag: "socket-path",
    env: "SOCKET_PATH",
    type: socketPath(INSTANCE_SUFFIX_BYTES),
    default: "/var/lib/kubelet/device-plugins/video-device-plugin.sock",
    group: "Kubernetes",
    description:
      "Path after which the plugin's own sockets are named, in the directory of the kubelet's; each gets a process ID and a random part before its extension.",
  },
  podResourcesSocket: {
    flag: "pod-resources-socket",
    env: "POD_RESOURCES_SOCKET",
    type: socketPath(0),
    default: "/var/lib/kubelet/pod-resources/kubelet.sock",
    group: "Kubernetes",
    description:
      "Socket on which the kubelet is asked which devices it knows and which pods have them; without an answer nobody notices that the kubelet has forgotten the plugin, and devices are cleaned only when they are given away.",
  },
  podResourcesInterval: {
    flag: "pod-resources-interval",
    env: "POD_RESOURCES_INTERVAL",
    type: seconds(1, 3600),
    default: "10",
    group: "Kubernetes",
    description: "Longest time between two questions to the kubelet about who has which device.",
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
  preStartContainer: {
    flag: "pre-start-container",
    env: "PRE_START_CONTAINER",
    type: boolean(),
    default: "false",
    group: "Kubernetes",
    description:
      "Has the kubelet call the plugin (PreStartContainer) before each start of a container, to reset its devices, so that none starts while the plugin is away; if off, containers start without that.",
  },
  maxDevices: {
    flag: "max-devices",
    env: "MAX_DEVICES",
    // V4L2's numbers 0 to 255, less the ten before the default's first
    type: integer(1, 246),
    default: "8",
    group: "Devices",
    description:
      "How many video devices this node offers; more than 8 need v4l2loopback 0.13 or later.",
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
      "What to do when a real camera has the number of a device: refuse keeps that device unhealthy and says whose the number is; elsewhere passes over such numbers when the plugin starts, so that IDs stay the same as long as the cameras do.",
  },
  driver: {
    flag: "driver",
    env: "VIDEO_DRIVER",
    type: choice(["v4l2loopback", "simulated"]),
    default: "v4l2loopback",
    group: "Devices",
    description:
      "What makes the devices: the v4l2loopback kernel module, or a simulation for trials and tests.",
  },
  manageDevices: {
    flag: "manage-devices",
    env: "MANAGE_DEVICES",
    type: boolean(),
    default: "true",
    group: "Devices",
    description:
      'Loads the module, and makes, repairs and cleans devices, which needs privileges; if off, devices are only looked at: the command "setup" has to make them before, and a pod may find in a device what the last one left there.',
  },
  healthCheckInterval: {
    flag: "health-check-interval",
    env: "HEALTH_CHECK_INTERVAL",
    type: seconds(1, 3600),
    default: "30",
    group: "Devices",
    description:
      "Longest time between two inspections of all devices; changes that are noticed are inspected at once.",
  },
  removeDevicesOnExit: {
    flag: "remove-devices-on-exit",
    env: "REMOVE_DEVICES_ON_EXIT",
    type: boolean(),
    default: "false",
    group: "Devices",
    description:
      "Removes, when the process is stopped, the devices that it made and nobody uses, and unloads the module if it loaded it and no device is left; if off, a stop touches no device.",
  },
  v4l2MaxBuffers: {
    flag: "v4l2-max-buffers",
    env: "V4L2_MAX_BUFFERS",
    // every version of the module clips to its MAX_BUFFERS, 32 (v4l2loopback.c)
    type: integer(1, 32),
    default: "2",
    group: "v4l2loopback",
    description: "Frame buffers of each device.",
  },
  v4l2MaxWidth: {
    flag: "v4l2-max-width",
    env: "V4L2_MAX_WIDTH",
    // 8192 is the module's own bound, V4L2LOOPBACK_SIZE_DEFAULT_MAX_WIDTH; 48x32 its least before 0.13
    type: integer(48, 8192),
    default: "1920",
    group: "v4l2loopback",
    description:
      "Largest width of a frame in pixels; a device takes up to width x height x 4 bytes x buffers of kernel memory, which count for no pod: 16588800 bytes by default.",
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
      "Shows a device as a camera only while something feeds it, which browsers need to accept it.",
  },
  v4l2CardLabel: {
    flag: "v4l2-card-label",
    env: "V4L2_CARD_LABEL",
    type: cardLabel(),
    default: "MeetingBot_WebCam",
    group: "v4l2loopback",
    description:
      "Name of the camera as applications show it, where {id} is video10, {n} is 10 and {node} is the node's name; cut to 31 bytes, and without commas and double quotes where v4l2loopback is older than 0.13.",
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
      "Group that owns the device nodes; a name is looked up in the /etc/group of where this process runs, a container say; empty leaves the group as it is.",
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
      "Names the pod that has each device in the metrics and on the status page; off, the port names no pod, no note and no option.",
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
      "Directory that node-feature-discovery reads local features from, mostly /etc/kubernetes/node-feature-discovery/features.d; a file is kept there that gives the node labels with the number of devices and the module's version; empty writes none.",
  },
  stateDir: {
    flag: "state-dir",
    env: "STATE_DIR",
    type: directory(),
    default: "/var/lib/video-device-plugin",
    group: "Directories",
    description: "Directory for what must survive a restart: which devices are cordoned.",
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
    description: "Directory of the host's kernel modules, with one in it for each kernel release.",
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

/** The only option that is a flag alone, and so is no part of {@link Config}. */
export const envFileOption = {
  flag: "env-file",
  placeholder: "PATH",
  expected: "the path of a file of NAME=value lines",
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
