import type { MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { asClause } from "../common/clause.ts";
import type { DeviceStatus } from "../devices/inventory/device-status.ts";
import type { ContainerAllocateResponseSchema } from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";
import { compareIds } from "./preferred-allocation.ts";

/** What one container is given. */
export interface Allocation {
  readonly devices: readonly AllocatedDevice[];
  readonly response: MessageInitShape<typeof ContainerAllocateResponseSchema>;
}

export interface AllocatedDevice extends DeviceStatus {
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
 * What a container gets for the IDs the kubelet chose. The kubelet sends them in random order and may
 * ask again for IDs it already has (an app container takes over its init container's devices), so
 * they are sorted and nothing is marked as taken.
 *
 * @throws ConnectError `NotFound` for an ID we never listed, `FailedPrecondition` for an unhealthy one.
 */
export function allocate(
  ids: readonly string[],
  lookUp: (id: string) => DeviceStatus | undefined,
  template: string,
): Allocation {
  const devices = [...new Set(ids)]
    .sort(compareIds)
    .map((id) => usable(id, lookUp(id)))
    .map((device, index) => ({ ...device, containerPath: containerPath(template, device, index) }));
  const paths = devices.map((device) => device.containerPath);
  return {
    devices,
    response: {
      envs:
        paths.length === 0 ? {} : { VIDEO_DEVICE: paths[0] ?? "", VIDEO_DEVICES: paths.join(",") },
      devices: devices.map((device) => ({
        hostPath: device.hostPath,
        containerPath: device.containerPath,
        permissions: "rw",
      })),
    },
  };
}

/** Longest ID the API allows, characters; a status that quotes a longer one may not fit its header. */
const maxIdLength = 63;

/** The device if its pod may start a container with it: a cordon takes it from nobody who has it. */
export function startable(id: string, device: DeviceStatus | undefined): DeviceStatus {
  return device?.reason === "cordoned" ? device : usable(id, device);
}

/** The device if it may be given to a container. */
export function usable(id: string, device: DeviceStatus | undefined): DeviceStatus {
  if (device === undefined) {
    throw new ConnectError(
      `device ${id.slice(0, maxIdLength)} is not one of this node's`,
      Code.NotFound,
    );
  }
  if (device.health !== "Healthy") {
    const why = asClause(device.detail || device.reason);
    throw new ConnectError(
      `device ${id} is unhealthy (${device.reason}): ${why}`,
      Code.FailedPrecondition,
    );
  }
  return device;
}
