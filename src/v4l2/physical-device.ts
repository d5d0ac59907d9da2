import { identify, type RememberedDevice } from "./identify.ts";
import type { Parent, VideoNode } from "./video-node.ts";

/** All video nodes of one device. */
export interface NodeGroup<N extends VideoNode = VideoNode> {
  readonly parent: Parent;
  /** Set if several devices of this parent differ by it alone. */
  readonly busInfo: string | undefined;
  /** Ascending by number, at least one. */
  readonly nodes: readonly N[];
}

/** A device as a person can hold it, with all its video nodes. */
export interface PhysicalDevice<N extends VideoNode = VideoNode> {
  /** Stable over plugging, booting and renumbering; see {@link identify}. */
  readonly id: string;
  readonly parent: Parent;
  /** Ascending by number, at least one. */
  readonly nodes: readonly N[];
}

/** A node with what QUERYCAP has returned as `bus_info`, if it could be asked. */
export type QueriedNode = VideoNode & { readonly busInfo?: string | undefined };

/**
 * Groups nodes by the device they belong to. Nodes without a device behind them, as those of v4l2loopback, are left out.
 * Several devices of one parent (the instances of vivid) differ by their `bus_info` alone.
 */
export function groupNodes<N extends QueriedNode>(nodes: readonly N[]): NodeGroup<N>[] {
  return [...Map.groupBy(nodes, ({ parent }) => parent?.path)].flatMap(([path, ofParent]) => {
    const parent = ofParent[0]?.parent;
    if (path === undefined || parent === undefined) return [];
    // Not each node of a device may have been asked.
    const isShared = new Set(ofParent.flatMap(({ busInfo }) => busInfo ?? [])).size > 1;
    if (!isShared) return [{ parent, busInfo: undefined, nodes: ofParent }];
    const byBusInfo = Map.groupBy(ofParent, ({ busInfo }) => busInfo);
    return [...byBusInfo].map(([busInfo, group]) => ({ parent, busInfo, nodes: group }));
  });
}

/** The devices that these nodes belong to, each with its name. */
export function physicalDevices<N extends QueriedNode>(
  nodes: readonly N[],
  remembered: readonly RememberedDevice[] = [],
): PhysicalDevice<N>[] {
  const groups = groupNodes(nodes);
  const names = identify(groups, remembered);
  return groups.map(({ parent, nodes: own }, at) => ({
    ...{ id: names[at]?.id ?? "", parent },
    nodes: own,
  }));
}
