import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { listedPaths, type PodView, shownVariables } from "../contract/node.ts";
import type { RunningContainer } from "./containerd.ts";

/** The part of a pod (core/v1) that the tests read. */
export interface Pod {
  metadata: { name: string; uid: string };
  status: {
    phase?: PodView["phase"];
    reason?: string;
    message?: string;
    /** Address of the pod; the node's with hostNetwork. */
    podIP?: string;
    conditions?: { type: string; status: "True" | "False" | "Unknown" }[];
    initContainerStatuses?: ContainerStatus[];
    containerStatuses?: ContainerStatus[];
  };
}

/** The kubelet's word on a container (core/v1). */
export interface ContainerStatus {
  name: string;
  containerID?: string;
  restartCount: number;
  /** True if the startup probe has been passed. */
  started?: boolean;
  state?: ContainerState;
  /** How it ended the last time, if it has been started since or is to be. */
  lastState?: ContainerState;
}

interface ContainerState {
  waiting?: { reason?: string; message?: string };
  terminated?: { reason?: string; exitCode: number };
}

/** The kubelet's word on a pod, and the container's own view of its environment. */
export function podView(name: string, pod: Pod, running: RunningContainer | undefined): PodView {
  const { status } = pod;
  const container = status.containerStatuses?.[0];
  // A pod that is admitted but can't start its container says why only there.
  const reason = status.reason ?? container?.state?.waiting?.reason;
  const message = status.message ?? container?.state?.waiting?.message;
  const containerId = container?.containerID?.replace(/^[a-z]+:\/\//, "");
  return {
    name,
    phase: status.phase ?? "Pending",
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    ...(containerId ? { containerId } : {}),
    ...inside(running?.id === containerId ? running : undefined),
  };
}

/** What is left to see of a pod while no kubelet runs: containers that do. */
export function viewWithoutKubelet(name: string, running: RunningContainer): PodView {
  return { name, phase: "Running", containerId: running.id, ...inside(running) };
}

/**
 * Environment and device nodes of a container, through its first process: the environment that process was
 * given and the file system it sees. Read each time, so that a node that vanishes is missed.
 */
function inside(container: RunningContainer | undefined): Pick<PodView, "env" | "deviceNodes"> {
  if (!container) return { env: {}, deviceNodes: [] };
  const proc = `/proc/${container.pid}`;
  const env: Record<string, string> = {};
  try {
    for (const variable of readFileSync(join(proc, "environ"), "utf8").split("\0")) {
      const [key = "", ...value] = variable.split("=");
      if (shownVariables.includes(key)) env[key] = value.join("=");
    }
  } catch {
    // It ended meanwhile.
  }
  return {
    env,
    deviceNodes: listedPaths(env).filter((path) => isCharacterDevice(join(proc, "root", path))),
  };
}

function isCharacterDevice(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isCharacterDevice() ?? false;
}
