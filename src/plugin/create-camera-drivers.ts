import { dirname, join } from "node:path";
import { type Clock, systemClock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { thisProgram } from "../common/this-program.ts";
import type { Config } from "../config/config.ts";
import type { CameraPool } from "../config/pool-config.ts";
import {
  CameraCatalog,
  CameraDriver,
  type CameraPoolSettings,
  cameraMemoryFile,
  linuxCameras,
} from "../drivers/camera/index.ts";
import { linuxCalls } from "../linux/linux-calls.ts";

export interface CameraDriversOptions {
  readonly log: Logger;
  /** The log of one pool's driver. Default: {@link log}. */
  readonly logOf?: (pool: CameraPool) => Logger;
  /** IDs of the devices that pods own at the start under a pool's resource name. Default: none. */
  readonly allocatedOf?: (pool: CameraPool) => readonly string[];
  /** What the drivers need of the machine. Default: this one. */
  readonly machine?: ReturnType<typeof linuxCameras>;
  /** Where the host has its device nodes. Default /dev. */
  readonly hostDeviceDir?: string;
  /** Default the system's. */
  readonly clock?: Clock;
}

/**
 * The drivers of the pools of real devices: a device belongs to the first pool that it matches, and has one name among all
 * of them. The links to devices are in `devices` beside the admin socket, a directory that the host has at the same path.
 */
export function createCameraDrivers(
  config: Pick<Config, "adminSocket" | "deviceDir" | "manageDevices" | "stateDir" | "sysfsDir">,
  pools: readonly CameraPool[],
  {
    log,
    logOf = () => log,
    allocatedOf = () => [],
    clock = systemClock,
    ...options
  }: CameraDriversOptions,
): ReadonlyMap<CameraPool, CameraDriver> {
  if (pools.length === 0) return new Map();
  const { deviceDir, sysfsDir, stateDir, manageDevices } = config;
  const linkDir = join(dirname(config.adminSocket), "devices");
  const { machine = linuxCameras(thisProgram(), linuxCalls()), hostDeviceDir = "/dev" } = options;
  const places = { deviceDir, sysfsDir, linkDir, hostDeviceDir };
  const settings = new Map(pools.map((pool) => [pool, cameraSettings(pool, manageDevices)]));
  const deps = { ...machine, clock, log };
  const memory = cameraMemoryFile(stateDir);
  const allocated = pools.flatMap((pool) => allocatedOf(pool));
  const catalog = new CameraCatalog([...settings.values()], places, allocated, { ...deps, memory });
  const driverOf = (pool: CameraPool, own: CameraPoolSettings) =>
    new CameraDriver(own, places, allocatedOf(pool), { ...deps, log: logOf(pool), catalog });
  return new Map([...settings].map(([pool, own]) => [pool, driverOf(pool, own)]));
}

/** A process that must not change devices resets no controls. */
function cameraSettings(pool: CameraPool, manageDevices: boolean): CameraPoolSettings {
  const { name, select, exclude, identity, deviceName, expect, with: further, signal } = pool;
  const clean = manageDevices ? pool.clean : "none";
  return { name, select, exclude, identity, deviceName, expect, with: further, clean, signal };
}
