import { equal } from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { release } from "node:os";
import { systemClock } from "../../../src/common/clock.ts";
import { type Logger, silentLogger } from "../../../src/common/logger.ts";
import { PluginError } from "../../../src/common/plugin-error.ts";
import type { EnsureReport } from "../../../src/drivers/driver.ts";
import { overwriteLeftFrames } from "../../../src/drivers/loopback/cleaning/frame-scrub.ts";
import { linuxKernel } from "../../../src/drivers/loopback/kernel.ts";
import { LoopbackDriver } from "../../../src/drivers/loopback/loopback-driver.ts";
import type { LoopbackSettings } from "../../../src/drivers/loopback/loopback-settings.ts";
import { errnoNameOf } from "../../../src/linux/errno-error.ts";
import { readInitOnAlloc } from "../../../src/linux/kernel-config.ts";
import { linuxCalls, O_NONBLOCK } from "../../../src/linux/linux-calls.ts";
import { openVideoDevice, type VideoFile } from "../../../src/v4l2/video-file.ts";
import type { ModuleVersion } from "../provision.ts";
import type { QueriedDevice } from "../query.ts";
import { query, run } from "../stories/cameras.ts";

const calls = linuxCalls();

/** True if this kernel clears memory before it hands it out. */
export const clearsMemory = readInitOnAlloc({ kernelRelease: release() }) !== false;

export const LABEL = "Default WebCam";
export const MODE = 0o640;

/** The loopback driver in a VM, before anything of it is loaded. */
export class Stage {
  readonly version: ModuleVersion;
  /** True if single devices can be created and removed. */
  readonly isDynamic: boolean;

  constructor(version: ModuleVersion) {
    this.version = version;
    this.isDynamic = version !== "0.12.7";
    this.clear();
  }

  driver(overrides: Partial<LoopbackSettings> = {}, log?: Logger): LoopbackDriver {
    return makeDriver(overrides, log);
  }

  open(id: string): VideoFile {
    return openVideoDevice(`/dev/${id}`, calls);
  }

  /** The part of a reset that overwrites, where the kernel does not clear memory. */
  overwriteLeft(id: string): void {
    const device = { id, path: `/dev/${id}`, maxBuffers: 2, hasControlDevice: this.isDynamic };
    overwriteLeftFrames(device, linuxKernel(calls));
  }

  /** Unloads what may be loaded; devtmpfs removes only nodes it made. */
  clear(): void {
    for (const module of ["v4l2loopback", "vivid"]) this.unload(module);
    for (let number = 0; number < 256; number++) rmSync(`/dev/video${number}`, { force: true });
  }

  unload(module: string): void {
    try {
      calls.deleteModule(module, O_NONBLOCK);
    } catch (error) {
      if (errnoNameOf(error) !== "ENOENT") throw error;
    }
  }

  /** Unloads all that is loaded, in whatever order that goes. */
  unloadAll(): void {
    for (;;) {
      const before = modulesInUse();
      for (const module of before) {
        try {
          this.unload(module);
        } catch (error) {
          if (errnoNameOf(error) !== "EAGAIN") throw error; // another module's need of it
        }
      }
      if (before.length === modulesInUse().length) return;
    }
  }

  /** Loads it as an administrator on the node would. */
  modprobe(...args: string[]): void {
    run(["/bin/busybox", "modprobe", ...args]);
  }

  /** The independent tool's look at one device. */
  look(id: string): QueriedDevice {
    const [device] = query([id]);
    if (device === undefined) throw new Error(`no ${id}`);
    equal(device.open, "0");
    return device;
  }

  /** This program as another process. */
  spawn(...args: string[]) {
    return Bun.spawn([process.execPath, "driver", this.version, ...args], {
      stdout: "ignore",
      stderr: "ignore",
    });
  }
}

/** The driver as the scenarios want it, nothing of it being done yet. */
export function makeDriver(
  overrides: Partial<LoopbackSettings> = {},
  log: Logger = silentLogger,
): LoopbackDriver {
  return new LoopbackDriver(
    {
      ...{ firstDeviceNumber: 10, maxDevices: 3, mode: MODE, group: 44 },
      ...{ cardLabel: LABEL, nodeName: "vm-node", numberTaken: "refuse" },
      ...{ exclusiveCaps: true, maxBuffers: 2, maxWidth: 1920, maxHeight: 1080 },
      ...{ deviceDir: "/dev", sysfsDir: "/sys", modulesDir: "/lib/modules", modprobeDirs: [] },
      kernelRelease: release(),
      initOnAlloc: readInitOnAlloc({ kernelRelease: release() }),
      ...overrides,
    },
    { log, kernel: linuxKernel(calls), clock: systemClock },
  );
}

/** What `ensure` could not do, by device and code. */
export function codesOf({ failed }: EnsureReport): [string, string][] {
  return failed.map(({ id, error }) => [id, PluginError.from(error).code]);
}

function modulesInUse(): string[] {
  const lines = readFileSync("/proc/modules", "utf8").trim().split("\n");
  return lines.map((line) => line.split(" ")[0] ?? "").filter((name) => name !== "");
}

/** What a promise rejects with, an error with a code. @throws Error if it doesn't. */
export async function errorOf(work: Promise<unknown>): Promise<PluginError> {
  try {
    await work;
  } catch (error) {
    return PluginError.from(error);
  }
  throw new Error("it did not fail");
}

/** The code of what a promise rejects with, undefined if it doesn't. */
export async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) =>
      error instanceof Error && "code" in error ? String(error.code) : String(error),
  );
}
