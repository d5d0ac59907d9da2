import type { ListPodResourcesResponse } from "../gen/kubelet/podresources/v1/api_pb.ts";
import type { Owner } from "./device-owners.ts";

/** A device of whatever resource that the kubelet gave to a container. */
export interface PodDevice extends Owner {
  /** `meeting-baas.io/video-devices` */
  readonly resourceName: string;
  /** `video10` */
  readonly deviceId: string;
}

/** Every device in an answer of the pod-resources API's `List`. */
export function podDevices({ podResources }: ListPodResourcesResponse): PodDevice[] {
  return podResources.flatMap(({ namespace, name: pod, containers }) =>
    containers.flatMap(({ name: container, devices }) =>
      devices.flatMap(({ resourceName, deviceIds }) =>
        deviceIds.map((deviceId) => ({ namespace, pod, container, resourceName, deviceId })),
      ),
    ),
  );
}
