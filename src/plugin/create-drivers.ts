import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import type { Config } from "../config/config.ts";
import type { LoopbackPool, PoolConfig } from "../config/pool-config.ts";
import type { VideoDriver } from "../drivers/driver.ts";
import { SharedModule } from "../drivers/loopback/index.ts";
import { feedNumber, numbersFrom } from "../v4l2/device-ids.ts";
import { numbersAllocatedAtStart } from "./allocated-at-start.ts";
import { createDriver } from "./create-driver.ts";
import { type PluginPool, poolLog } from "./plugin.ts";

/**
 * Makes the driver of each pool, after a question to the kubelet which devices pods own. No two pools get the same device
 * number.
 *
 * @throws PluginError of the drivers: `device_numbers_exhausted`, `placeholder_unusable`.
 */
export async function createDrivers(
  config: Config,
  pools: readonly PoolConfig[],
  log: Logger,
  signal: AbortSignal,
): Promise<PluginPool[]> {
  const logs = pools.map((pool) => poolLog(log, pool, pools));
  const allocated = await Promise.all(
    pools.map((pool, at) =>
      numbersAllocatedAtStart({ ...config, ...pool.options }, { log: logs[at] ?? log }, signal),
    ),
  );
  const module = new SharedModule();
  const created: PluginPool[] = [];
  for (const [at, pool] of pools.entries()) {
    if (signal.aborted) break;
    if (pool.kind !== "loopback") throw notYet(pool);
    const others = pools.filter((other) => other !== pool);
    const reserved = new Set([
      ...others.flatMap((other) => (other.kind === "loopback" ? wantedNumbers(other) : [])),
      ...created.flatMap(({ driver }) => numbersOfDriver(driver)),
    ]);
    const driver = createDriver({ ...config, ...pool.options }, logs[at] ?? log, {
      // What another pool wants is that pool's: it holds the device until the pod of this one has ended.
      allocatedNumbers: (allocated[at] ?? []).filter((number) => !reserved.has(number)),
      reservedNumbers: reserved,
      module,
    });
    created.push({ config: pool, driver });
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
