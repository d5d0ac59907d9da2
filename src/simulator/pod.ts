import { randomUUID } from "node:crypto";

/** A pod's specification, from a test or the demo. */
export interface PodSpec {
  name: string;
  /** Default `default`. */
  namespace?: string;
  /** Default: a random one. It survives restarts of the kubelet. */
  uid?: string;
  /** In the order of the manifest; init containers always run first. */
  containers: readonly ContainerSpec[];
}

export interface ContainerSpec {
  name: string;
  /** Number of devices: of the kubelet's `resourceName`, or by resource. Default none. */
  devices?: number | Readonly<Record<string, number>>;
  /** An init container: runs to its end before the next one. */
  init?: boolean;
  /** With `init`: a sidecar, which keeps running. */
  restartable?: boolean;
  /** The pod's own variables, which override the plugin's of the same name. */
  env?: Readonly<Record<string, string>>;
}

/** A {@link PodSpec} with its defaults. */
export interface Pod {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
}

export interface Container {
  readonly name: string;
  /** Number of devices by resource. */
  readonly limits: ReadonlyMap<string, number>;
  readonly init: boolean;
  readonly restartable: boolean;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Fills in a spec's defaults. Without `sidecars` (`KubeletBehaviour.sidecars`) every init container is a
 * plain one, as the API server drops the restart policy then.
 */
export function podFrom(spec: PodSpec, resourceName: string, sidecars: boolean): Pod {
  const containers = spec.containers.map((container): Container => {
    const { devices = {}, init = false, restartable = false, env = {} } = container;
    const limits = typeof devices === "number" ? { [resourceName]: devices } : devices;
    return {
      name: container.name,
      limits: new Map(Object.entries(limits)),
      init,
      restartable: init && restartable && sidecars,
      env,
    };
  });
  return {
    name: spec.name,
    namespace: spec.namespace ?? "default",
    uid: spec.uid ?? randomUUID(),
    initContainers: containers.filter((container) => container.init),
    containers: containers.filter((container) => !container.init),
  };
}

/** A pod's status, as the API server would have it. */
export interface PodStatus {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly phase: "Pending" | "Running" | "Succeeded" | "Failed";
  /** For Failed: `UnexpectedAdmissionError`. */
  readonly reason?: string;
  readonly message?: string;
  /** Init containers first. */
  readonly containers: readonly ContainerStatus[];
}

/** A container is `waiting` (not created; with a reason after a failed try), `running` or `terminated`. */
export interface ContainerStatus {
  readonly name: string;
  readonly state: "waiting" | "running" | "terminated";
  /** For waiting: `CreateContainerConfigError` or `CreateContainerError`. */
  readonly reason?: string;
  readonly message?: string;
  readonly containerId?: string;
  /** How often the container was restarted. */
  readonly restarts: number;
  /** The settings it was created with; empty until then. */
  readonly settings: ContainerSettings;
}

/** The container's part of Allocate's answers: pod_devices.go, deviceRunContainerOptions. */
export interface ContainerSettings {
  readonly env: Readonly<Record<string, string>>;
  readonly devices: readonly ContainerDevice[];
  readonly mounts: readonly ContainerMount[];
  readonly annotations: Readonly<Record<string, string>>;
  readonly cdiDevices: readonly string[];
}

export interface ContainerDevice {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly permissions: string;
}

export interface ContainerMount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
}

/** The settings of a container without devices. */
export const noSettings: ContainerSettings = {
  env: {},
  devices: [],
  mounts: [],
  annotations: {},
  cdiDevices: [],
};
