import { basename } from "node:path";
import type { Parent, VideoNode } from "./video-node.ts";

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
 * Groups nodes by the device they belong to, and names each device. Nodes without a device behind them, as those of
 * v4l2loopback, are left out. Several devices of one parent (the instances of vivid) differ by their `bus_info` alone.
 */
export function groupNodes<N extends QueriedNode>(nodes: readonly N[]): PhysicalDevice<N>[] {
  const groups = new Map<string, Group<N>>();
  for (const node of nodes) {
    if (node.parent === undefined) continue;
    const busInfo = sharesParent(node, nodes) ? node.busInfo : undefined;
    const key = `${node.parent.path}\n${busInfo ?? ""}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { parent: node.parent, busInfo, nodes: [node] });
    else group.nodes.push(node);
  }
  return identify([...groups.values()]);
}

/** True if nodes of the same parent have several values of `bus_info`. Not each node of a device may have been asked. */
function sharesParent({ parent }: QueriedNode, nodes: readonly QueriedNode[]): boolean {
  const known = nodes
    .filter((node) => node.parent?.path === parent?.path)
    .flatMap(({ busInfo }) => busInfo ?? []);
  return new Set(known).size > 1;
}

interface Group<N extends QueriedNode> {
  readonly parent: Parent;
  readonly busInfo: string | undefined;
  readonly nodes: N[];
}

/**
 * Names each device, by the first of these that no other device present has:
 * 1. vendor, product and serial number: `usb-046d-0825-4A1B`, which moves with the camera from port to port. Twins
 *    with one serial number, and numbers that are a vendor's constant, are named by their ports.
 * 2. the place: `usb-0000:00:14.0-1.2`, `pci-0000:08:00.0`, `platform-fe801000.csi`.
 * 3. the place with the `bus_info`, for several devices at one place.
 */
function identify<N extends QueriedNode>(groups: readonly Group<N>[]): PhysicalDevice<N>[] {
  const serialIds = groups.map(({ parent }) => serialId(parent));
  const places = groups.map(({ parent }) => placeId(parent));
  return groups.map(({ parent, busInfo, nodes }, at) => {
    const [serial, place = ""] = [serialIds[at], places[at]];
    if (serial !== undefined && isAlone(serialIds, serial)) return { id: serial, parent, nodes };
    const id = isAlone(places, place) ? place : legalId(`${place}-${busInfo ?? "unknown"}`);
    return { id, parent, nodes };
  });
}

function isAlone(ids: readonly (string | undefined)[], id: string): boolean {
  return ids.filter((other) => other === id).length === 1;
}

/** Serial numbers that vendors give to every device, as seen in bug reports. */
const constantSerials = new Set(["0001", "SN0001", "200901010001"]);

function serialId({ usb }: Parent): string | undefined {
  if (usb === undefined || /^0*$/.test(usb.serial) || constantSerials.has(usb.serial)) {
    return undefined;
  }
  return legalId(`usb-${usb.vendor}-${usb.product}-${usb.serial}`);
}

function placeId({ path, bus, usb }: Parent): string {
  return legalId(
    usb === undefined ? `${bus}-${basename(path)}` : `usb-${usb.controller}-${usb.ports}`,
  );
}

/** Names of devices in CDI have at most this many characters where they become labels. */
const maxLength = 63;

/**
 * Makes a text a name that the kubelet and CDI accept: letters, digits and `_.:-`, the last one a letter or digit
 * (container-device-interface, pkg/parser). What is too long is cut, and ends with a hash of the whole.
 */
export function legalId(text: string): string {
  const legal = text.replace(/[^A-Za-z0-9_.:-]/g, "-").replace(/[^A-Za-z0-9]+$/, "");
  if (legal.length <= maxLength) return legal;
  const hash = Bun.hash.crc32(text).toString(16).padStart(8, "0");
  return `${legal.slice(0, maxLength - hash.length - 1)}-${hash}`;
}
