import type { ContainerAllocateResponse } from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import type { ContainerSettings } from "./pod.ts";

/**
 * Merges the answers of several resources for one container: the first value of a key or path wins, and
 * the pod's own variables win over all. pod_devices.go, deviceRunContainerOptions; kubelet_pods.go,
 * GenerateRunContainerOptions.
 */
export function mergeSettings(
  responses: readonly ContainerAllocateResponse[],
  podEnv: Readonly<Record<string, string>>,
  withCdi: boolean,
): ContainerSettings {
  const latestFirst = responses.toReversed();
  return {
    env: { ...merged(latestFirst.map(({ envs }) => envs)), ...podEnv },
    devices: firstByPath(responses.flatMap(({ devices }) => devices)).map(
      ({ hostPath, containerPath, permissions }) => ({ hostPath, containerPath, permissions }),
    ),
    mounts: firstByPath(responses.flatMap(({ mounts }) => mounts)).map(
      ({ hostPath, containerPath, readOnly }) => ({ hostPath, containerPath, readOnly }),
    ),
    annotations: merged(latestFirst.map(({ annotations }) => annotations)),
    cdiDevices: withCdi
      ? [...new Set(responses.flatMap(({ cdiDevices }) => cdiDevices.map(({ name }) => name)))]
      : [],
  };
}

function merged(maps: readonly Record<string, string>[]): Record<string, string> {
  return Object.assign({}, ...maps) as Record<string, string>;
}

function firstByPath<T extends { containerPath: string }>(entries: readonly T[]): T[] {
  return entries.filter(
    (entry, index) =>
      entries.findIndex(({ containerPath }) => containerPath === entry.containerPath) === index,
  );
}
