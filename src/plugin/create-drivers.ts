import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import type { Config } from "../config/config.ts";
import type { LoopbackPool, PoolConfig } from "../config/pool-config.ts";
import type { VideoDriver } from "../drivers/driver.ts";
import { SharedModule } from "../drivers/loopback/index.ts";
import { feedNumber, numbersFrom } from "../v4l2/device-ids.ts";
import { numbersAllocatedAtStart } from "./allocated-at-start.ts";
import { createDriver, type DriverUse } from "./create-driver.ts";
import { type PluginPool, poolLog } from "./plugin.ts";

/** Numbers of the devices that pods own when the process starts, of each pool, see {@link numbersAllocatedAtStart}. */
export function allocatedByPool(
  config: Config,
  pools: readonly PoolConfig[],
  log: Logger,
  signal: AbortSignal,
): Promise<readonly (readonly number[])[]> {
  const ask = (pool: PoolConfig) => {
    const deps = { log: poolLog(log, pool, pools) };
    return numbersAllocatedAtStart({ ...config, ...pool.options }, deps, signal);
  };
  return Promise.all(pools.map(ask));
}

export interface DriversUse extends Pick<DriverUse, "cleans"> {
  /** As {@link allocatedByPool} has them. Default: none. */
  readonly allocated?: readonly (readonly number[])[];
}

/**
 * Makes the driver of each pool. No two pools get the same device number.
 *
 * @throws PluginError of the drivers: `device_numbers_exhausted`, `placeholder_unusable`.
 */
export function createDrivers(
  config: Config,
  pools: readonly PoolConfig[],
  log: Logger,
  { allocated = [], ...use }: DriversUse = {},
): PluginPool[] {
  const module = new SharedModule();
  const created: PluginPool[] = [];
  for (const [at, pool] of pools.entries()) {
    if (pool.kind !== "loopback") throw notYet(pool);
    const others = pools.filter((other) => other !== pool);
    const reservedNumbers = new Set([
      ...others.flatMap((other) => (other.kind === "loopback" ? wantedNumbers(other) : [])),
      ...created.flatMap(({ driver }) => numbersOfDriver(driver)),
    ]);
    // What another pool wants is that pool's: it holds the device until the pod of this one has ended.
    const allocatedNumbers = (allocated[at] ?? []).filter((number) => !reservedNumbers.has(number));
    const own = { ...config, ...pool.options };
    const parts = { ...use, allocatedNumbers, reservedNumbers, module };
    created.push({ config: pool, driver: createDriver(own, poolLog(log, pool, pools), parts) });
  }
  return created;
}

/** The numbers that a pool has unless some of them are taken. */
function wantedNumbers({ options }: LoopbackPool): number[] {
  const numbers = numbersFrom(options.firstDeviceNumber, options.maxDevices);
  return options.readyCameras ? numbers.flatMap((number) => [number, feedNumber(number)]) : numbers;
}

function numbersOfDriver({ devices }: VideoDriver): number[] {
  return devices.flatMap(({ number, nodes }) =>
    nodes.some(({ role }) => role === "feed") ? [number, feedNumber(number)] : [number],
  );
}

function notYet({ name }: PoolConfig): PluginError {
  return new PluginError("not_supported", `The pool ${name} has no driver for real devices yet.`);
}
