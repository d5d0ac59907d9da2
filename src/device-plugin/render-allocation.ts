import type { MessageInitShape } from "@bufbuild/protobuf";
import { containerPath, readyVariables } from "../devices/container-path.ts";
import type { DeviceStatus } from "../devices/inventory/device-status.ts";
import type { ContainerAllocateResponseSchema } from "../gen/kubelet/deviceplugin/v1beta1/api_pb.ts";

/** How a container sees its devices. */
export interface ContainerView {
  /** Template of a device's path, see the option `container-device-path`. */
  readonly path: string;
  /** Template of the path of a ready camera's feed, see the option `container-feed-path`. */
  readonly feedPath: string;
  /** Variable with the first path; with an S, that with all of them. See the option `container-device-env`. */
  readonly variable: string;
}

/** What one container gets. */
export interface Allocation {
  readonly devices: readonly AllocatedDevice[];
  readonly response: MessageInitShape<typeof ContainerAllocateResponseSchema>;
}

export interface AllocatedDevice extends DeviceStatus {
  /** Path of its first node, which a browser reads. */
  readonly containerPath: string;
  /** Path of a ready camera's feed, which the application writes; absent if it has none. */
  readonly feedPath?: string;
}

/**
 * What a container gets for the devices that are allocated to it. The kubelet sends their IDs in random order and may
 * repeat them, so they are sorted, each once. Further nodes of a device have the path in the container that they have on the host.
 */
export function renderAllocation(
  allocated: readonly DeviceStatus[],
  view: ContainerView,
): Allocation {
  const devices = [...new Map(allocated.map((device) => [device.id, device])).values()]
    .sort((a, b) => a.number - b.number)
    .map((device, index) => asSeen(device, index, view));
  return {
    devices,
    response: {
      envs: variables(devices, view.variable),
      devices: devices.flatMap(deviceSpecs),
    },
  };
}

function asSeen(device: DeviceStatus, index: number, view: ContainerView): AllocatedDevice {
  const path = containerPath(view.path, device, index);
  if (!device.nodes.some(({ role }) => role === "feed")) return { ...device, containerPath: path };
  return { ...device, containerPath: path, feedPath: containerPath(view.feedPath, device, index) };
}

/**
 * A path is for the program that writes, since browsers look for cameras themselves. So `VIDEO_DEVICE` names a
 * ready camera's feed, and `VIDEO_CAMERA` and `VIDEO_FEED` say which is which.
 */
function variables(devices: readonly AllocatedDevice[], variable: string): Record<string, string> {
  const ready = devices.filter(({ feedPath }) => feedPath !== undefined);
  const names = readyVariables(variable);
  return {
    ...pathVariables(
      variable,
      devices.map(({ containerPath, feedPath }) => feedPath ?? containerPath),
    ),
    ...pathVariables(
      names.camera,
      ready.map(({ containerPath }) => containerPath),
    ),
    ...pathVariables(
      names.feed,
      ready.flatMap(({ feedPath }) => feedPath ?? []),
    ),
  };
}

function pathVariables(name: string, paths: readonly string[]): Record<string, string> {
  const [first] = paths;
  return first === undefined ? {} : { [name]: first, [`${name}S`]: paths.join(",") };
}

function deviceSpecs({ nodes: [first, ...others], containerPath, feedPath }: AllocatedDevice) {
  const specs = [
    { hostPath: first.hostPath, containerPath },
    ...others.map(({ hostPath, containerPath, role }) => ({
      hostPath,
      containerPath: (role === "feed" ? feedPath : undefined) ?? containerPath ?? hostPath,
    })),
  ];
  return specs.map((spec) => ({ ...spec, permissions: "rw" }));
}
