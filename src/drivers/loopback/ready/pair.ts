import { deviceId, feedNumber } from "../../../v4l2/device-ids.ts";
import type { DeviceNode, DriverDevice } from "../../driver.ts";

/** The role of a single device of a pair; undefined for a plain device. */
export function roleOf({ nodes }: Partial<Pick<DriverDevice, "nodes">>): DeviceNode["role"] {
  return nodes?.length === 1 ? nodes[0].role : undefined;
}

/** The two single devices of a ready camera, the camera first. */
export function singlesOf(device: DriverDevice): readonly [DriverDevice, DriverDevice] {
  const [camera, feed = camera] = device.nodes;
  const number = feedNumber(device.number);
  return [
    { ...device, nodes: [camera] },
    { ...device, id: deviceId(number), number, nodes: [feed] },
  ];
}

/** The ready cameras of single devices, as `singlesOf` made them of each. */
export function pairsOf(singles: readonly DriverDevice[]): readonly DriverDevice[] {
  return singles.flatMap((camera, index) => {
    const feed = singles[index + 1];
    if (roleOf(camera) !== "camera" || feed === undefined) return [];
    return { ...camera, nodes: [camera.nodes[0], feed.nodes[0]] as const };
  });
}
