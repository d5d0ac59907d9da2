import type { PoolConfig } from "../config/pool-config.ts";
import type { Problem } from "../config/problem.ts";

/** What of a valid configuration this version can't run: its one place. */
export function unsupportedPools(pools: readonly PoolConfig[]): Problem[] {
  const kinds = pools
    .filter(({ kind }) => kind === "devices")
    .map(({ name }) => ({
      subject: `pool ${name}`,
      text: "real devices are not supported by this version, expected a pool with loopback",
    }));
  if (kinds.length > 0 || pools.length === 1) return kinds;
  const text = `${pools.length} pools on this node are not supported by this version, expected one`;
  return [{ subject: "--config", text }];
}
