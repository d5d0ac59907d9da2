import type { PoolConfig } from "../config/pool-config.ts";
import type { Problem } from "../config/problem.ts";

/** What of a valid configuration this version can't run: its one place. */
export function unsupportedPools(pools: readonly PoolConfig[]): Problem[] {
  return pools
    .filter(({ kind }) => kind === "devices")
    .map(({ name }) => ({
      subject: `pool ${name}`,
      text: "real devices are not supported by this version, expected a pool with loopback",
    }));
}
