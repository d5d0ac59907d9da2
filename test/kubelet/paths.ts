import { join } from "node:path";
import { cacheOf } from "../support/cache-of.ts";

/** The release under test; `provision.sh` and `go.mod` name the same one. */
export const kubeletVersion = "1.33.4";

/** Where `provision.sh` leaves the kubelet. */
export function kubeletBinary(): string {
  return join(cacheOf(`kubelet-${kubeletVersion}`), "kubelet");
}

/** Sockets, configuration, logs, static pods: of one run, removed at the start of the next one. */
export const runDir = "/run/vdp-e2e";

/** containerd's content and snapshots, and the devices; not below `/run`, which may be mounted `nodev`. */
export const dataDir = "/var/lib/vdp-e2e";

/** Sub-directory of {@link dataDir} for the test's device nodes. */
export const workDir = join(dataDir, "work");

/** The kubelet's own; the device-plugins directory below it is hard-coded in every release. */
export const kubeletRoot = "/var/lib/kubelet";
export const kubeletSocket = join(kubeletRoot, "device-plugins/kubelet.sock");
export const podResourcesSocket = join(kubeletRoot, "pod-resources/kubelet.sock");

/** Marks {@link kubeletRoot} as made by these tests: only then it is emptied. */
export const kubeletRootMarker = join(kubeletRoot, ".vdp-e2e");

export const containerdSocket = join(runDir, "containerd.sock");
export const manifestDir = join(runDir, "manifests");
export const podLogsDir = join(runDir, "pod-logs");

/** Beside the usual 10248, 10250 and 10255, so that another kubelet's ports are no obstacle. */
export const ports = { healthz: 20248, api: 20250, readOnly: 20255 } as const;

/** Node name; the kubelet appends it to the names of static pods. */
export const nodeName = "vdp-e2e";
