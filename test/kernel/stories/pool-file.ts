import { deepEqual } from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { PATIENCE_MS } from "./eventually.ts";
import type { GuestNode } from "./guest-node.ts";

/** The resource names of the two pools, and their devices. */
export const BOTS = "example.com/bots";
export const STUDIO = "example.com/studio-cameras";
export const OF_BOTS = ["video10", "video11", "video12"];
export const OF_STUDIO = ["video20", "video21"];

const FILE = "/etc/pools.yaml";

/** The pools differ in all that a pool sets for its devices. 65534 is the group of the process that reads frames. */
const POOLS = {
  bots: `
- name: bots
  resource: ${BOTS}
  loopback: { count: 3, cardLabel: Bot, mode: "0666", maxBuffers: 3 }
`,
  studio: `
- name: studio
  resource: ${STUDIO}
  loopback:
    { count: 2, firstNumber: 20, cardLabel: "Studio {n}", mode: "0660", group: "65534",
      exclusiveCaps: false, maxBuffers: 2, maxWidth: 3840, maxHeight: 2160 }
`,
};

export type PoolName = keyof typeof POOLS;

/** Starts the plugin with a config file of these pools, and waits until the kubelet can allocate all their devices. */
export async function startPools(
  node: GuestNode,
  names: readonly PoolName[],
  ...flags: string[]
): Promise<void> {
  const head = "apiVersion: video-device-plugin/v1alpha1\nkind: Pools\npools:";
  writeFileSync(FILE, head + names.map((name) => POOLS[name]).join(""));
  node.plugin.start(`--config=${FILE}`, "--pod-resources-interval=1", ...flags);
  await offered(
    node,
    names.includes("bots") ? OF_BOTS.length : 0,
    names.includes("studio") ? OF_STUDIO.length : 0,
  );
}

/** Waits until the kubelet can allocate so many devices of each pool. */
export async function offered(
  { kubelet, plugin }: GuestNode,
  bots: number,
  studio: number,
): Promise<void> {
  const allocatable = (resource: string) => kubelet.resources(resource).allocatable;
  await kubelet.until(
    () => allocatable(BOTS) === bots && allocatable(STUDIO) === studio,
    PATIENCE_MS,
    `${bots} bots and ${studio} studio cameras; the plugin's log ends:\n${plugin.log.tail()}\n`,
  );
}

/** Checks what the plugin has created and adopted, by pool. */
export function assertSetUp({ plugin }: GuestNode, what: "created" | "adopted"): void {
  const none: string[] = [];
  const expected = (pool: string, ids: readonly string[]) =>
    what === "created" ? [pool, ids, none] : [pool, none, ids];
  const setUp = plugin.log
    .saying("Devices set up")
    .map((entry) => [entry["pool"], entry["created_device_ids"], entry["adopted_device_ids"]]);
  setUp.sort((one, other) => String(one[0]).localeCompare(String(other[0])));
  deepEqual(setUp, [expected("bots", OF_BOTS), expected("studio", OF_STUDIO)]);
}
