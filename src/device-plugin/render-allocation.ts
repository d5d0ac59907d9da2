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

/** What a device's paths in a container depend on. */
export type PlacedDevice = Pick<DeviceStatus, "id" | "number" | "nodes">;

/** A device as a container sees it. */
export type InContainer<D extends PlacedDevice> = D & {
  /** Path of its first node, which a browser reads. */
  readonly containerPath: string;
  /** Path of a ready camera's feed, which the application writes; absent if it has none. */
  readonly feedPath?: string;
};

export type AllocatedDevice = InContainer<DeviceStatus>;

/**
 * What a container gets for the devices that are allocated to it. The kubelet sends their IDs in random order and may
 * repeat them, so they are sorted, each once. Further nodes of a device have the path in the container that they have on the host.
 *
 * @param cdiNames Qualified names of devices in the Container Device Interface, by ID. Default: none.
 */
export function renderAllocation(
  allocated: readonly DeviceStatus[],
  view: ContainerView,
  cdiNames: ReadonlyMap<string, string> = new Map(),
): Allocation {
  const devices = [...new Map(allocated.map((device) => [device.id, device])).values()]
    .sort((a, b) => a.number - b.number)
    .map((device, index) => asSeen(device, index, view));
  const names = devices.flatMap(({ id }) => cdiNames.get(id) ?? []);
  return {
    devices,
    response: {
      envs: variables(devices, view.variable),
      devices: devices.flatMap(deviceSpecs),
      // Where the runtime knows the names, the nodes of its file replace those of one path above.
      ...(names.length > 0 && { cdiDevices: names.map((name) => ({ name })) }),
    },
  };
}

/** @param index The device's place among the container's devices, from 0. */
export function asSeen<D extends PlacedDevice>(
  device: D,
  index: number,
  view: Pick<ContainerView, "path" | "feedPath">,
): InContainer<D> {
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

/** The device's nodes, each with its path in the container. */
export function nodesInContainer({
  nodes: [first, ...others],
  containerPath,
  feedPath,
}: InContainer<PlacedDevice>) {
  return [
    { ...first, containerPath },
    ...others.map((node) => ({
      ...node,
      containerPath:
        (node.role === "feed" ? feedPath : undefined) ?? node.containerPath ?? node.hostPath,
    })),
  ];
}

function deviceSpecs(device: AllocatedDevice) {
  return nodesInContainer(device).map(({ hostPath, containerPath }) => ({
    ...{ hostPath, containerPath },
    permissions: "rw",
  }));
}
