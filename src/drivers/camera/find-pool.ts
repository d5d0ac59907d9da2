import { deviceId } from "../../v4l2/device-ids.ts";
import type { NodeGroup } from "../../v4l2/physical-device.ts";
import { type DeviceTraits, mismatch, selects } from "../../v4l2/selects.ts";
import type { CameraPoolSettings } from "./camera-settings.ts";
import { type CameraNode, mainNode } from "./list-cameras.ts";
import { needsLinks, readLinks, type UdevLinks } from "./udev-links.ts";

/** Which devices a pool has. */
export type PoolRules = Pick<CameraPoolSettings, "select" | "exclude">;

type Nodes = Pick<NodeGroup<CameraNode>, "nodes" | "parent">;

/** Why a device does not belong to a pool, by what each rule of `select` wants; undefined if it does. */
export function whyNotIn({ select, exclude }: PoolRules, device: DeviceTraits): string | undefined {
  const mismatches = select.map((rule) => mismatch(rule, device));
  if (!mismatches.includes(undefined)) return [...new Set(mismatches)].join("; ");
  const at = exclude.findIndex((rule) => selects({ kind: "any", virtual: true, ...rule }, device));
  return at < 0 ? undefined : `exclude[${at}] matches`;
}

/** What the rules of pools ask of a device; undefined if it has no node. */
export function traitsOf({ nodes, parent }: Nodes, links: UdevLinks): DeviceTraits | undefined {
  const main = mainNode({ nodes });
  if (main === undefined) return undefined;
  return {
    ...{ kind: main.kind, driver: main.driver, card: main.card, busInfo: main.busInfo },
    links: nodes.flatMap(({ number }) => links.get(deviceId(number)) ?? []),
    usb: parent.usb,
  };
}

/** The links of all nodes, if a rule of the pools names one. */
export function linksFor(pools: readonly PoolRules[], deviceDir: string): UdevLinks {
  const isWanted = pools.some(({ select, exclude }) => needsLinks([...select, ...exclude]));
  return isWanted ? readLinks(deviceDir) : new Map();
}
