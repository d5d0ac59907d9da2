/** Minor versions of Kubernetes that the simulator has a preset for. */
export const kubeletVersions = [
  "1.26",
  "1.27",
  "1.28",
  "1.29",
  "1.30",
  "1.31",
  "1.32",
  "1.33",
  "1.34",
  "1.35",
  "1.36",
  "1.37",
] as const;

export type KubeletVersion = (typeof kubeletVersions)[number];

/**
 * The differences between kubelets that a device plugin can meet. Everything else of the device manager
 * (pkg/kubelet/cm/devicemanager) is the same from 1.26 on. Presets: {@link behaviourOf}.
 */
export interface KubeletBehaviour {
  /** The minor version; for logs and names of tests. */
  readonly version: string;

  /**
   * What a starting kubelet removes from its device-plugins directory: every non-directory but the
   * checkpoint (up to 1.32), or unix sockets only (from 1.33). manager.go, CleanupPluginDirectory.
   */
  readonly cleanup: "all_files" | "sockets";

  /**
   * Which client the kubelet disconnects when a ListAndWatch stream ends. `per_resource` (1.25 to 1.36): the
   * one registered for the resource *now*, even if it is newer (kubernetes/kubernetes#121994); and a failed
   * Register forgets the older, still working client. `per_socket` (from 1.37, #135437): only the client
   * whose stream ended; another instance takes over.
   */
  readonly clientTracking: "per_resource" | "per_socket";

  /** Version of grpc-go, which the kubelet's calls name as their user agent. go.mod of k8s.io/kubernetes. */
  readonly grpcGo: string;

  /** The dial-back ends when the Register call is cancelled or times out (from 1.35). server.go, Register. */
  readonly registerContextInherited: boolean;

  /** Pod-resources List leaves out pods that have ended (gate KubeletPodResourcesListUseActivePods, from 1.34). */
  readonly podResourcesActiveOnly: boolean;

  /** Pod-resources Get is served (gate KubeletPodResourcesGet: beta from 1.34). */
  readonly podResourcesGet: boolean;

  /** CDI names of an Allocate answer reach the runtime (gate DevicePluginCDIDevices: beta from 1.29). */
  readonly cdiDevices: boolean;

  /** Restartable init containers keep their devices (gate SidecarContainers: beta from 1.29). */
  readonly sidecars: boolean;

  /**
   * A restarting kubelet leaves running containers alone. False is the regression of 1.25.10, 1.26.5 and
   * 1.27.2 (kubernetes/kubernetes#118559), fixed by later patches of the same minors.
   */
  readonly runningContainersReadmitted: boolean;

  /**
   * The same for containers that were restarted before the kubelet was: until 1.35 it may find the dead
   * predecessor instead and reject the pod (kubernetes/kubernetes#135485).
   */
  readonly restartedContainersReadmitted: boolean;

  /**
   * The kubelet dies if a device leaves the list while Allocate for it is in flight (1.34 to 1.36:
   * allocateContainerResources reads through a nil pointer).
   */
  readonly diesOfVanishedDevice: boolean;
}

const grpcGo: Readonly<Record<KubeletVersion, string>> = {
  "1.26": "1.49.0",
  "1.27": "1.51.0",
  "1.28": "1.54.0",
  "1.29": "1.58.3",
  "1.30": "1.58.3",
  "1.31": "1.65.0",
  "1.32": "1.65.0",
  "1.33": "1.68.1",
  "1.34": "1.72.1",
  "1.35": "1.72.2",
  "1.36": "1.79.3",
  "1.37": "1.82.1",
};

/** The behaviour of a minor version's last patch release. */
export function behaviourOf(version: KubeletVersion): KubeletBehaviour {
  const minor = Number(version.slice("1.".length));
  return {
    version,
    cleanup: minor <= 32 ? "all_files" : "sockets",
    clientTracking: minor <= 36 ? "per_resource" : "per_socket",
    grpcGo: grpcGo[version],
    registerContextInherited: minor >= 35,
    podResourcesActiveOnly: minor >= 34,
    podResourcesGet: minor >= 34,
    cdiDevices: minor >= 29,
    sidecars: minor >= 29,
    runningContainersReadmitted: true,
    restartedContainersReadmitted: minor >= 36,
    diesOfVanishedDevice: minor >= 34 && minor <= 36,
  };
}

/** The version simulated by default. */
export const defaultVersion: KubeletVersion = "1.33";

/** Faults of a kubelet, set before or while it runs. */
export interface KubeletFaults {
  /** Register is received and never answered. */
  holdRegister: boolean;
  /** Register is rejected with this message. */
  refuseRegister: string | undefined;
  /** The dial-back begins this many ms late. */
  dialDelayMs: number;
  /** The pod-resources API answers List this many ms late. */
  listDelayMs: number;
  /** ListAndWatch is not called after a registration that otherwise succeeds. */
  omitListAndWatch: boolean;
  /** Further connections for each registration: each reads the options, then stays open unused. */
  extraConnections: number;
  /** Further ListAndWatch streams for each registration, on the same connection; their lists are dropped. */
  extraStreams: number;
}

/** The faults of a kubelet without any. */
export function noFaults(): KubeletFaults {
  return {
    holdRegister: false,
    refuseRegister: undefined,
    dialDelayMs: 0,
    listDelayMs: 0,
    omitListAndWatch: false,
    extraConnections: 0,
    extraStreams: 0,
  };
}
