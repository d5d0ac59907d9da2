import type { ContainerRuntime } from "./container-runtime.ts";
import { type ContainerStatus, noSettings, type Pod, type PodStatus } from "./pod.ts";

/** A pod bound to the node; it survives restarts of the kubelet. */
export interface PodRecord {
  readonly pod: Pod;
  phase: PodStatus["phase"];
  reason?: string;
  message?: string;
  /** Why a container does not start, by name. */
  readonly waiting: Map<string, { reason: string; message: string }>;
}

/** True if the pod has not ended. */
export function isActive({ phase }: PodRecord): boolean {
  return phase === "Pending" || phase === "Running";
}

/** The pod's status. */
export function statusOf(record: PodRecord, runtime: ContainerRuntime): PodStatus {
  const { pod, phase, reason, message } = record;
  return {
    name: pod.name,
    namespace: pod.namespace,
    uid: pod.uid,
    phase,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    containers: [...pod.initContainers, ...pod.containers].map(({ name }) =>
      containerStatus(record, runtime, name),
    ),
  };
}

function containerStatus(
  { pod, waiting }: PodRecord,
  runtime: ContainerRuntime,
  name: string,
): ContainerStatus {
  const container = runtime.latest(pod.uid, name);
  const problem = waiting.get(name);
  const state = container?.running ? "running" : problem || !container ? "waiting" : "terminated";
  return {
    name,
    state,
    ...problem,
    ...(container === undefined ? {} : { containerId: container.id }),
    restarts: container?.restarts ?? 0,
    settings: container?.settings ?? noSettings,
  };
}
