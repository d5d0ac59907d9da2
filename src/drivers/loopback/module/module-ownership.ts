import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "../../../common/logger.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { errnoNameOf } from "../../../linux/errno-error.ts";
import { deviceId } from "../../../v4l2/device-ids.ts";
import { loopbackNumbers } from "../device/sysfs.ts";
import type { LoopbackKernel } from "../kernel.ts";
import { MODULE } from "./find-module.ts";

export interface LoadedModuleDeps {
  readonly sysfsDir: string;
  readonly kernel: Pick<LoopbackKernel, "deleteModule">;
  readonly log: Logger;
}

/** The module as this process loaded it, if it did: only then may it be unloaded at the end. */
export class ModuleOwnership {
  private readonly deps: LoadedModuleDeps;
  /** Inode of its directory in /sys, which kernfs gives to no second one: another load has another. */
  private ours: bigint | undefined;

  constructor(deps: LoadedModuleDeps) {
    this.deps = deps;
  }

  /** What is loaded now was loaded by this process. */
  isOurs(): void {
    this.ours = this.instance();
  }

  /**
   * Unloads the module, unless this process didn't load it, or somebody has something of it. Devices of the
   * numbers in `goWithIt` don't count.
   * @returns whether it is gone. @throws PluginError `unload_failed`.
   */
  unload(goWithIt: readonly number[]): boolean {
    const { kernel, log } = this.deps;
    const instance = this.instance();
    if (instance === undefined) return true;
    const kept = this.whyKept(instance, goWithIt);
    if (kept !== undefined) {
      log.info("v4l2loopback stays loaded", { detail: kept });
      return false;
    }
    try {
      kernel.deleteModule(MODULE);
    } catch (cause) {
      const errno = errnoNameOf(cause);
      if (errno === "ENOENT") return true;
      if (errno === "EAGAIN" || errno === "EBUSY") {
        log.info("v4l2loopback stays loaded", { detail: "somebody uses it" });
        return false;
      }
      throw new PluginError(
        "unload_failed",
        `v4l2loopback could not be unloaded: ${PluginError.from(cause).message}.`,
        { cause, remedy: "Unload it on the host: rmmod v4l2loopback" },
      );
    }
    log.info("v4l2loopback is unloaded");
    return true;
  }

  private whyKept(instance: bigint, goWithIt: readonly number[]): string | undefined {
    if (instance !== this.ours) return "this process has not loaded it";
    const left = loopbackNumbers(this.deps.sysfsDir).filter((number) => !goWithIt.includes(number));
    if (left.length > 0) return `it has devices still: ${left.map(deviceId).join(", ")}`;
    return this.users() === "0" ? undefined : "somebody uses it";
  }

  private instance(): bigint | undefined {
    const path = join(this.deps.sysfsDir, "module", MODULE);
    return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
  }

  /** Its reference count; undefined where it can't be unloaded at all (CONFIG_MODULE_UNLOAD). */
  private users(): string | undefined {
    try {
      return readFileSync(join(this.deps.sysfsDir, "module", MODULE, "refcnt"), "utf8").trim();
    } catch {
      return undefined;
    }
  }
}
