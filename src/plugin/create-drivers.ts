import type { Logger } from "../common/logger.ts";
import type { Config } from "../config/config.ts";
import type { CameraPool, LoopbackPool, PoolConfig } from "../config/pool-config.ts";
import type { VideoDriver } from "../drivers/driver.ts";
import { SharedModule } from "../drivers/loopback/index.ts";
import { feedNumber, numbersFrom } from "../v4l2/device-ids.ts";
import { allocatedAtStart, numbersOf } from "./allocated-at-start.ts";
import { type CameraDriversOptions, createCameraDrivers } from "./create-camera-drivers.ts";
import { createDriver, type DriverOptions } from "./create-driver.ts";
import { type PluginPool, poolLog } from "./plugin.ts";

/** IDs of the devices that pods own when the process starts, of each pool, see {@link allocatedAtStart}. */
export function allocatedByPool(
  config: Config,
  pools: readonly PoolConfig[],
  log: Logger,
  signal: AbortSignal,
): Promise<readonly (readonly string[])[]> {
  const names = pools.map(({ options }) => options.resourceName);
  return allocatedAtStart(config.podResourcesSocket, names, log, signal);
}

export interface DriversOptions extends Pick<DriverOptions, "cleans"> {
  /** As {@link allocatedByPool} has them. Default: none. */
  readonly allocated?: readonly (readonly string[])[];
  /** What the drivers of real devices have of the machine. Default: this one. */
  readonly machine?: Pick<CameraDriversOptions, "machine" | "hostDeviceDir"> | undefined;
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
  { allocated = [], machine, ...options }: DriversOptions = {},
): PluginPool[] {
  const logOf = (pool: PoolConfig) => poolLog(log, pool, pools);
  const allocatedOf = (pool: PoolConfig) => allocated[pools.indexOf(pool)] ?? [];
  const cameras = createCameraDrivers(config, pools.filter(isCameraPool), {
    ...{ log, logOf, allocatedOf },
    ...machine,
  });
  const module = new SharedModule();
  const created: PluginPool[] = [];
  const loopback: VideoDriver[] = [];
  for (const pool of pools) {
    if (pool.kind === "devices") {
      const driver = cameras.get(pool);
      if (driver !== undefined) created.push({ config: pool, driver });
      continue;
    }
    const others = pools.filter((other) => other !== pool);
    const reservedNumbers = new Set([
      ...others.flatMap((other) => (other.kind === "loopback" ? wantedNumbers(other) : [])),
      ...loopback.flatMap(numbersOfDriver),
    ]);
    // What another pool wants is that pool's: it holds the device until the pod of this one has ended.
    const isOwn = (number: number) => !reservedNumbers.has(number);
    const allocatedNumbers = numbersOf(allocatedOf(pool)).filter(isOwn);
    const own = { ...config, ...pool.options };
    const parts = { ...options, allocatedNumbers, reservedNumbers, module };
    const driver = createDriver(own, logOf(pool), parts);
    loopback.push(driver);
    created.push({ config: pool, driver });
  }
  return created;
}

function isCameraPool(pool: PoolConfig): pool is CameraPool {
  return pool.kind === "devices";
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
