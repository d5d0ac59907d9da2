import { statSync } from "node:fs";
import { join } from "node:path";
import { readSmallFile } from "../../../common/files.ts";
import type { Logger } from "../../../common/logger.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { errnoNameOf } from "../../../linux/errno-error.ts";
import { deviceId } from "../../../v4l2/device-ids.ts";
import { loopbackNumbers } from "../device/sysfs.ts";
import type { LoopbackKernel } from "../kernel.ts";
import { loopbackModule } from "./find-module.ts";
import type { SharedModule } from "./shared-module.ts";

export interface ModuleOwnershipDeps {
  readonly shared: SharedModule;
  readonly sysfsDir: string;
  readonly kernel: Pick<LoopbackKernel, "deleteModule">;
  readonly log: Logger;
}

/** Remembers whether this process loaded the module: only then may it be unloaded at the end. */
export class ModuleOwnership {
  readonly #deps: ModuleOwnershipDeps;

  constructor(deps: ModuleOwnershipDeps) {
    this.#deps = deps;
  }

  /** Records that this process loaded what is loaded now. */
  isOurs(): void {
    this.#deps.shared.loadedAs = this.#inode();
  }

  /** True if this process loaded what is loaded now. */
  hasLoaded(): boolean {
    const inode = this.#inode();
    return inode !== undefined && inode === this.#deps.shared.loadedAs;
  }

  /**
   * Unloads the module, unless another program loaded it, a process uses it, or it has devices beyond those of the
   * numbers in `goWithIt`.
   * @returns whether it is gone. @throws PluginError `unload_failed`.
   */
  unload(goWithIt: readonly number[]): boolean {
    const { kernel, log } = this.#deps;
    const inode = this.#inode();
    if (inode === undefined) return true;
    const reason = this.#reasonToStay(inode, goWithIt);
    if (reason !== undefined) {
      log.info("Module v4l2loopback stays loaded", { detail: reason });
      return false;
    }
    try {
      kernel.deleteModule(loopbackModule);
    } catch (cause) {
      const errno = errnoNameOf(cause);
      if (errno === "ENOENT") return true;
      if (errno === "EAGAIN" || errno === "EBUSY") {
        log.info("Module v4l2loopback stays loaded", { detail: "a process uses it" });
        return false;
      }
      throw new PluginError(
        "unload_failed",
        `v4l2loopback could not be unloaded: ${PluginError.from(cause).message}.`,
        { cause, remedy: "Unload it on the host: rmmod v4l2loopback" },
      );
    }
    log.info("Module v4l2loopback unloaded");
    return true;
  }

  #reasonToStay(inode: bigint, goWithIt: readonly number[]): string | undefined {
    const { sysfsDir, shared } = this.#deps;
    if (inode !== shared.loadedAs) return "this process did not load it";
    const left = loopbackNumbers(sysfsDir).filter((number) => !goWithIt.includes(number));
    if (left.length > 0) return `it still has devices: ${left.map(deviceId).join(", ")}`;
    // There is no count where modules can't be unloaded at all (CONFIG_MODULE_UNLOAD).
    const users = readSmallFile(join(sysfsDir, "module", loopbackModule, "refcnt"));
    return users === "0" ? undefined : "a process uses it";
  }

  #inode(): bigint | undefined {
    const path = join(this.#deps.sysfsDir, "module", loopbackModule);
    return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
  }
}
