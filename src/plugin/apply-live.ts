import type { PoolConfig } from "../config/pool-config.ts";
import { CameraDriver } from "../drivers/camera/index.ts";
import type { PluginPool } from "./plugin.ts";

/**
 * Changes what pools of real devices expect, and what a missing signal is, as the next pools of the same names
 * say. All else needs a new process.
 *
 * @returns the pools as they are then.
 */
export function applyLive(
  pools: readonly Pick<PluginPool, "config" | "driver">[],
  next: readonly PoolConfig[],
): PoolConfig[] {
  return pools.map(({ config, driver }) => {
    const found = next.find(({ name }) => name === config.name);
    if (config.kind !== "devices" || found?.kind !== "devices") return config;
    const { expect, signal } = found;
    if (driver instanceof CameraDriver) driver.change({ expect, signal });
    return { ...config, expect, signal };
  });
}
