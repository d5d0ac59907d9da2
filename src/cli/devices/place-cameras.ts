import type { Config } from "../../config/config.ts";
import type { CameraPool, PoolConfig } from "../../config/pool-config.ts";
import {
  type CameraNode,
  linksFor,
  traitsOf,
  whyNotIn,
  withMemory,
} from "../../drivers/camera/index.ts";
import type { PhysicalDevice } from "../../v4l2/physical-device.ts";
import { rememberedCameras } from "./find-cameras.ts";

/** The pool of a device with hardware behind it, as the plugin chooses it. */
export interface CameraPlace {
  /** Name of the first pool that it matches; null if it matches none. */
  readonly pool: string | null;
  /** Why it does not belong to the pools before that one, by the name of the pool. */
  readonly mismatches: ReadonlyMap<string, string>;
}

/** The pools of real devices among those of the node. */
export function cameraPools(pools: readonly PoolConfig[]): CameraPool[] {
  return pools.filter((pool) => pool.kind === "devices");
}

/** Finds the pool of each device, by the device's identity. Empty if no pool has real devices. */
export function placeCameras(
  cameras: readonly PhysicalDevice<CameraNode>[],
  pools: readonly PoolConfig[],
  { deviceDir, stateDir }: Pick<Config, "deviceDir" | "stateDir">,
): ReadonlyMap<string, CameraPlace> {
  const candidates = cameraPools(pools);
  if (candidates.length === 0) return new Map();
  const links = linksFor(candidates, deviceDir);
  const remembered = rememberedCameras(stateDir);
  return new Map(
    cameras.map((camera): readonly [string, CameraPlace] => {
      const before = remembered.find(({ id }) => id === camera.id);
      const traits = traitsOf(withMemory(camera, before), links);
      const mismatches = new Map<string, string>();
      for (const pool of candidates) {
        const why = traits === undefined ? "it has no node" : whyNotIn(pool, traits);
        if (why === undefined) return [camera.id, { pool: pool.name, mismatches }];
        mismatches.set(pool.name, why);
      }
      return [camera.id, { pool: null, mismatches }];
    }),
  );
}

/** Why a device matches no pool, in a sentence; empty if it matches one. */
export function describePlace(id: string, { pool, mismatches }: CameraPlace): string {
  if (pool !== null) return "";
  const reasons = [...mismatches].map(([name, why]) => `${name} (${why})`);
  return `${id} matches no pool: ${reasons.join(", ")}.`;
}
