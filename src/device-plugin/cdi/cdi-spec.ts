import { isRecord } from "../../common/is-record.ts";
import {
  asSeen,
  type ContainerView,
  nodesInContainer,
  type PlacedDevice,
} from "../render-allocation.ts";

/** A pool whose devices the Container Device Interface (CDI) has. */
export interface CdiPool {
  /** Unique among the pools of the node, a DNS label. */
  readonly name: string;
  readonly resourceName: string;
  /** Templates without `{index}`: a file is for all containers. */
  readonly view: Pick<ContainerView, "path" | "feedPath">;
}

/**
 * A file of CDI devices (https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md). Runtimes ignore a whole file
 * for a field, or a version, that they don't know.
 */
export interface CdiSpec {
  /** The first version with `hostPath`, which every runtime with CDI knows. */
  readonly cdiVersion: "0.5.0";
  readonly kind: string;
  /** At least one: a file without devices is invalid. */
  readonly devices: readonly CdiDevice[];
}

interface CdiDevice {
  readonly name: string;
  readonly containerEdits: { readonly deviceNodes: readonly CdiNode[] };
}

/**
 * A device node. Without an owner the runtime gives it to the container's user; without major and minor it looks at the host's
 * node whenever it creates a container.
 */
interface CdiNode {
  /** In the container. */
  readonly path: string;
  /** The node itself: runtimes refuse a link. */
  readonly hostPath: string;
  readonly permissions: "rw";
  /**
   * For every user of the container. Without it runtimes differ: containerd 2.1 takes 0666, and 2.4 the mode of the host's node
   * (container-device-interface 1.1, pkg/cdi/container-edits_unix.go).
   */
  readonly fileMode: 0o666;
}

/** Paths of a device's nodes in containers, by the device's ID. */
export type ContainerPaths = ReadonlyMap<string, readonly string[]>;

/** `example.com/webcams` from a resource name; CDI allows fewer characters than Kubernetes (pkg/parser/parser.go). */
export function cdiKind(resourceName: string): string {
  const [domain = "", name = ""] = resourceName.split("/");
  return `${startingWithLetter(domain)}/${startingWithLetter(name.replaceAll(".", "-"))}`;
}

/** The qualified name of a device: `example.com/webcams=front-door`. */
export function cdiName({ resourceName }: Pick<CdiPool, "resourceName">, id: string): string {
  return `${cdiKind(resourceName)}=${id}`;
}

/**
 * Name of the pool's file in the directory of CDI: `example.com-webcams_front.json`. No name of a pool has a `_`, so no other pool
 * has the file.
 */
export function cdiFileName({
  resourceName,
  name,
}: Pick<CdiPool, "name" | "resourceName">): string {
  return `${cdiKind(resourceName).replace("/", "-")}_${name}.json`;
}

/**
 * What the pool's file has; undefined if the pool has no device.
 *
 * @param kept Paths of devices that containers may have: a container that restarts gets its device specs at the paths of its
 * pod's admission, and CDI has to have the same. Default: each device's path of now.
 * @param nodeOf The node to which a path on the host leads. Default: the path itself.
 */
export function cdiSpec(
  pool: CdiPool,
  devices: readonly PlacedDevice[],
  kept: ContainerPaths = new Map(),
  nodeOf = (hostPath: string): string => hostPath,
): CdiSpec | undefined {
  if (devices.length === 0) return undefined;
  return {
    cdiVersion: "0.5.0",
    kind: cdiKind(pool.resourceName),
    devices: devices.map((device) => {
      const now = containerPaths(pool, device);
      const before = kept.get(device.id);
      const paths = before?.length === now.length ? before : now;
      const deviceNodes = device.nodes.map(({ hostPath }, at): CdiNode => {
        const path = paths[at] ?? "";
        return { path, hostPath: nodeOf(hostPath), permissions: "rw", fileMode: 0o666 };
      });
      return { name: device.id, containerEdits: { deviceNodes } };
    }),
  };
}

/** Paths of the device's nodes in a container that gets it now, as its device specs have them. */
export function containerPaths({ view }: Pick<CdiPool, "view">, device: PlacedDevice): string[] {
  return nodesInContainer(asSeen(device, 0, view)).map(({ containerPath }) => containerPath);
}

/** The paths that a file has; none of what is no such file. Never throws. */
export function pathsIn(text: string): ContainerPaths {
  try {
    const spec: unknown = JSON.parse(text);
    if (!isRecord(spec) || !Array.isArray(spec["devices"])) return new Map();
    return new Map(spec["devices"].flatMap((device: unknown) => pathsOf(device)));
  } catch {
    return new Map();
  }
}

function pathsOf(device: unknown): [string, string[]][] {
  if (!isRecord(device) || typeof device["name"] !== "string") return [];
  const edits = device["containerEdits"];
  const nodes = isRecord(edits) ? edits["deviceNodes"] : undefined;
  if (!Array.isArray(nodes)) return [];
  const paths = nodes.flatMap((node: unknown) =>
    isRecord(node) && typeof node["path"] === "string" ? node["path"] : [],
  );
  return [[device["name"], paths]];
}

function startingWithLetter(name: string): string {
  return /^[A-Za-z]/.test(name) ? name : `v${name}`;
}
