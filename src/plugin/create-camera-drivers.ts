import { dirname, join } from "node:path";
import { type Clock, systemClock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { thisProgram } from "../common/this-program.ts";
import type { Config } from "../config/config.ts";
import type { CameraPool } from "../config/pool-config.ts";
import {
  CameraCatalog,
  CameraDriver,
  CameraMemoryFile,
  type CameraPoolSettings,
  linuxCameras,
} from "../drivers/camera/index.ts";
import { linuxCalls } from "../linux/linux-calls.ts";

export interface CameraDriverUse {
  readonly log: Logger;
  /** IDs of the devices that pods own at the start. Default: none. */
  readonly allocated?: readonly string[];
  /** What the drivers need of the machine. Default: this one. */
  readonly machine?: ReturnType<typeof linuxCameras>;
  /** Default the system's. */
  readonly clock?: Clock;
}

/**
 * The drivers of the pools of real devices, in their order: a device belongs to the first pool that it matches, and has one
 * name among all of them. The links to devices are beside the admin socket, which is in a directory of the host.
 */
export function createCameraDrivers(
  config: Pick<Config, "adminSocket" | "deviceDir" | "manageDevices" | "stateDir" | "sysfsDir">,
  pools: readonly CameraPool[],
  {
    log,
    allocated = [],
    machine = linuxCameras(thisProgram(), linuxCalls()),
    clock = systemClock,
  }: CameraDriverUse,
): CameraDriver[] {
  const { deviceDir, sysfsDir, stateDir, manageDevices } = config;
  const linkDir = join(dirname(config.adminSocket), "devices");
  const places = { deviceDir, sysfsDir, linkDir };
  const settings = pools.map((pool) => cameraSettings(pool, manageDevices));
  const deps = { ...machine, clock, log };
  const memory = new CameraMemoryFile(stateDir);
  const catalog = new CameraCatalog(settings, places, allocated, { ...deps, memory });
  return settings.map((pool) => new CameraDriver(pool, places, allocated, { ...deps, catalog }));
}

/** A process that must not change devices resets no controls. */
function cameraSettings(pool: CameraPool, manageDevices: boolean): CameraPoolSettings {
  const { name, select, exclude, identity, deviceName } = pool;
  const clean = manageDevices ? pool.clean : "none";
  return { name, select, exclude, identity, deviceName, clean };
}
