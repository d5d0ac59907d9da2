/**
 * A Kubernetes node as the scenario suite sees it: a kubelet with a device manager, and pods on it.
 * Two implementations are held to the same suite: the embedded kubelet of `src/simulator`
 * and a real kubelet with containerd (`test/kubelet`).
 */
export interface TestNode {
  /** For test names: "embedded kubelet", "kubelet 1.33.4". */
  readonly name: string;
  /** Where the kubelet listens for Register; the plugin's own socket goes into the same directory. */
  readonly kubeletSocket: string;
  readonly podResourcesSocket: string;
  /** Directory the test may use for the simulated driver's device nodes; visible to containers. */
  readonly workDir: string;

  startKubelet(): Promise<void>;
  /** Stops the kubelet process only: containers keep running, as with `systemctl stop kubelet`. */
  stopKubelet(): Promise<void>;

  /** Hands a pod to the node. Resolves when the kubelet has seen it, not when it runs. */
  createPod(request: PodRequest): Promise<void>;
  /** Resolves when the pod and its containers are gone. */
  deletePod(name: string): Promise<void>;
  /** What the node says of a pod, or undefined if it knows none of that name. */
  pod(name: string): Promise<PodView | undefined>;
  /** Capacity = healthy and unhealthy devices, allocatable = healthy ones; zeros when unknown. */
  resources(): Promise<ResourceCount>;
  /** The pod-resources API's List: device IDs by pod name, for the plugin's resource. */
  allocations(): Promise<Record<string, string[]>>;

  close(): Promise<void>;
}

export interface PodRequest {
  name: string;
  /** How many devices its container asks for. */
  devices: number;
}

export interface PodView {
  name: string;
  phase: "Pending" | "Running" | "Succeeded" | "Failed";
  /** For Failed: `UnexpectedAdmissionError`, `OutOfmeeting-baas.io/video-devices`, … */
  reason?: string;
  message?: string;
  /** Changes if the container was replaced. */
  containerId?: string;
  /** VIDEO_DEVICE and VIDEO_DEVICES as seen inside the container. */
  env: Record<string, string>;
  /** The paths named in VIDEO_DEVICES that are character devices inside the container. */
  deviceNodes: string[];
}

export interface ResourceCount {
  capacity: number;
  allocatable: number;
}
