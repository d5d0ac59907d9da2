import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DeviceStatus } from "../devices/inventory/device-status.ts";
import type { ContainerAllocateResponseSchema } from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";

/** What one container gets. */
export interface Allocation {
  readonly devices: readonly AllocatedDevice[];
  readonly response: MessageInitShape<typeof ContainerAllocateResponseSchema>;
}

export interface AllocatedDevice extends DeviceStatus {
  /** Of its first node. */
  readonly containerPath: string;
}

/** The device's path in the container, from the template of the option `container-device-path`. */
export function containerPath(template: string, device: DeviceStatus, index: number): string {
  return template
    .replaceAll("{id}", device.id)
    .replaceAll("{n}", String(device.number))
    .replaceAll("{index}", String(index));
}

/**
 * What a container gets for the devices that are allocated to it. The kubelet sends their IDs in random order and may
 * repeat them, so they are sorted, each once. Further nodes of a device have the host's path in the container.
 */
export function renderAllocation(allocated: readonly DeviceStatus[], template: string): Allocation {
  const devices = [...new Map(allocated.map((device) => [device.id, device])).values()]
    .sort((a, b) => a.number - b.number)
    .map((device, index) => ({ ...device, containerPath: containerPath(template, device, index) }));
  const paths = devices.map((device) => device.containerPath);
  const envs: Record<string, string> =
    paths[0] === undefined ? {} : { VIDEO_DEVICE: paths[0], VIDEO_DEVICES: paths.join(",") };
  const nodes = devices.flatMap(({ nodes: [first, ...others], containerPath }) => [
    { hostPath: first.hostPath, containerPath },
    ...others.map(({ hostPath }) => ({ hostPath, containerPath: hostPath })),
  ]);
  return {
    devices,
    response: { envs, devices: nodes.map((node) => ({ ...node, permissions: "rw" })) },
  };
}
