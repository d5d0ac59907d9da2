import { type IdentifiedDevice, identify, remember } from "../../v4l2/identify.ts";
import type { NodeGroup } from "../../v4l2/physical-device.ts";
import type { PluggedNode } from "../../v4l2/plugged-nodes.ts";
import { isSameCamera, type RememberedCamera } from "./camera-memory.ts";
import type { CameraPoolSettings } from "./camera-settings.ts";
import { traitsOf, whyNotIn } from "./find-pool.ts";
import { type CameraNode, mainNode } from "./list-cameras.ts";
import type { UdevLinks } from "./udev-links.ts";

/** A node of a device that is plugged in, and what it is. */
export type CatalogNode = CameraNode & PluggedNode;

/** A device that is plugged in, with its pool and its name. */
export interface NamedCamera {
  readonly id: string;
  /** The pool that it belongs to; undefined if it matches none. */
  readonly pool: CameraPoolSettings | undefined;
  /** True if another device that is plugged in has the same ID. */
  readonly isAmbiguous: boolean;
  readonly nodes: readonly CatalogNode[];
  /** The node of the pictures. */
  readonly main: CatalogNode;
  /** By what it is remembered, also if its pool gives it another ID. */
  readonly identity: IdentifiedDevice;
}

export interface NamingContext {
  readonly pools: readonly CameraPoolSettings[];
  readonly links: UdevLinks;
  readonly remembered: readonly RememberedCamera[];
}

/**
 * Finds the pool of each device, then its name, for which the pool has the rule. A device that can't be asked at the moment
 * counts as what it was before.
 */
export function nameCameras(
  groups: readonly NodeGroup<CatalogNode>[],
  { pools, links, remembered }: NamingContext,
): NamedCamera[] {
  const known = recall(groups, remembered);
  const poolOf = (group: NodeGroup<CatalogNode>) => {
    const traits = traitsOf(group, links);
    return traits && pools.find((pool) => whyNotIn(pool, traits) === undefined);
  };
  const placed = known.map((group) => ({ ...group, pool: poolOf(group) }));
  const identities = identify(
    placed.map((group) => ({ ...group, identity: group.pool?.identity ?? "auto" })),
    remembered,
  );
  return placed.flatMap(({ nodes, pool }, at): NamedCamera[] => {
    const [identity, main] = [identities[at], mainNode({ nodes })];
    if (identity === undefined || main === undefined) return [];
    const own = { pool, nodes, main, identity };
    if (pool === undefined || pool.deviceName === "") {
      return [{ ...own, id: identity.id, isAmbiguous: identity.isAmbiguous }];
    }
    const isOnly = placed.filter((other) => other.pool === pool).length === 1;
    return [{ ...own, id: pool.deviceName, isAmbiguous: identity.isAmbiguous || !isOnly }];
  });
}

/** Adds to each device what it was when it was plugged in before, at the same place or with the same serial number. */
function recall(
  groups: readonly NodeGroup<CatalogNode>[],
  remembered: readonly RememberedCamera[],
): NodeGroup<CatalogNode>[] {
  const identities = identify(groups, remembered);
  return groups.map((group, at) => {
    const { place, serial } = identities[at] ?? {};
    const before = remembered.find(
      (camera) =>
        mayBe(camera, group) &&
        (camera.place === place || (serial !== undefined && camera.serial === serial)),
    );
    return withMemory(group, before);
  });
}

/** False if the device is another one for certain. The card of a USB camera is the name that /sys has. */
function mayBe(before: RememberedCamera, { nodes }: NodeGroup<CatalogNode>): boolean {
  const [first] = nodes;
  if (before.driver !== (first?.driver ?? "") || before.kinds.length !== nodes.length) return false;
  return before.driver !== "uvcvideo" || before.card === first?.name;
}

/** A device with what its nodes said the last time, if they were not asked now. */
export function withMemory<G extends { readonly nodes: readonly CameraNode[] }>(
  group: G,
  before: RememberedCamera | undefined,
): G {
  if (before === undefined) return group;
  const nodes = group.nodes.map((node, at) => {
    if (!node.isGuess) return node;
    const kind = before.kinds[at];
    return { ...node, kind, card: before.card, busInfo: before.busInfo };
  });
  return { ...group, nodes };
}

/** What is remembered once these devices were seen; `before` itself if nothing has changed. */
export function rememberCameras(
  cameras: readonly (NamedCamera & { readonly isKnown: boolean })[],
  before: readonly RememberedCamera[],
): readonly RememberedCamera[] {
  const ids = new Set(before.map(({ id }) => id));
  const seen = cameras.flatMap(({ nodes, main, isKnown, identity }): RememberedCamera[] => {
    const kinds = nodes.flatMap(({ kind }) => kind ?? []);
    if (identity.isAmbiguous || kinds.length < nodes.length) return [];
    // Where a known one is now counts at once: its twin may come before it has answered.
    if (!isKnown && !ids.has(identity.id)) return [];
    const { id, place, serial } = identity;
    const { number, driver = "", card, busInfo } = main;
    return [
      {
        ...{ id, place, number, driver, card, kinds },
        ...(serial !== undefined && { serial }),
        ...(busInfo !== undefined && { busInfo }),
      },
    ];
  });
  return remember(seen, before, isSameCamera);
}
