import type { CameraPool, PoolConfig } from "../config/pool-config.ts";
import type { Problem } from "../config/problem.ts";

/** What of a valid configuration this version can't run: its one place. */
export function unsupportedPools(pools: readonly PoolConfig[]): Problem[] {
  return pools.flatMap((pool) => (pool.kind === "devices" ? unsupportedFields(pool) : []));
}

function unsupportedFields({ name, cdi }: CameraPool): Problem[] {
  const fields = [{ field: "cdi", isUsed: cdi !== "off", expected: "off" }];
  return fields
    .filter(({ isUsed }) => isUsed)
    .map(({ field, expected }) => ({
      subject: `pool ${name}: ${field}`,
      text: `this version can't do that, expected ${expected}`,
    }));
}
