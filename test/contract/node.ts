/**
 * A Kubernetes node: a kubelet with a device manager, and pods on it. The scenario suite tests two
 * implementations: the embedded kubelet of `src/simulator` and a real kubelet with containerd
 * (`test/kubelet`).
 */
export interface TestNode {
  /** For test names: "embedded kubelet", "kubelet 1.33.4". */
  readonly name: string;
  /** Path of the kubelet's socket for Register; the plugin's own socket is in the same directory. */
  readonly kubeletSocket: string;
  readonly podResourcesSocket: string;
  /** Directory for the simulated driver's device nodes; visible to containers. */
  readonly workDir: string;

  startKubelet(): Promise<void>;
  /** Stops the kubelet process only: containers keep running, as with `systemctl stop kubelet`. */
  stopKubelet(): Promise<void>;

  /** Adds a pod to the node. Resolves when the kubelet has seen it, not when it runs. */
  createPod(request: PodRequest): Promise<void>;
  /** Removes a pod. Resolves when it and its containers have ended. */
  deletePod(name: string): Promise<void>;
  /** A pod's state; undefined if there is no pod of that name. */
  pod(name: string): Promise<PodView | undefined>;
  /** Capacity = healthy and unhealthy devices, allocatable = healthy ones; zeros when unknown. Default: the plugin's resource. */
  resources(resource?: string): Promise<ResourceCount>;
  /** The pod-resources API's List: device IDs by pod name, for the plugin's resource. */
  allocations(): Promise<Record<string, string[]>>;

  close(): Promise<void>;
}

/** The variables of a {@link PodView}: those of the default, and those of an instance with another resource. */
export const shownVariables: readonly string[] = [
  "VIDEO_DEVICE",
  "VIDEO_DEVICES",
  "CAMERA",
  "CAMERAS",
];

/** The paths in those of the {@link shownVariables} that list all of a container's devices. */
export function listedPaths(env: Readonly<Record<string, string>>): string[] {
  const lists = shownVariables.filter((name) => name.endsWith("S"));
  return lists.flatMap((name) => env[name]?.split(",") ?? []).filter((path) => path !== "");
}

export interface PodRequest {
  name: string;
  /** Number of devices that its container requests. */
  devices: number;
  /** Devices of further resources that its container requests, by resource. */
  others?: Readonly<Record<string, number>>;
  /** A container that starts before that one: it ends at once, or is a sidecar and goes on. */
  init?: InitRequest;
}

export interface InitRequest {
  /** Number of devices that it requests. */
  devices: number;
  /** True for a sidecar: `restartPolicy: Always`. */
  sidecar: boolean;
}

export interface PodView {
  name: string;
  phase: "Pending" | "Running" | "Succeeded" | "Failed";
  /** For Failed: `UnexpectedAdmissionError`, `OutOfmeeting-baas.io/video-devices`, … */
  reason?: string;
  message?: string;
  /** ID of the container, which changes if it is replaced. */
  containerId?: string;
  /** The {@link shownVariables} as seen inside the container. */
  env: Record<string, string>;
  /** The paths named in those of the variables that end in S that are character devices inside the container. */
  deviceNodes: string[];
}

export interface ResourceCount {
  capacity: number;
  allocatable: number;
}
