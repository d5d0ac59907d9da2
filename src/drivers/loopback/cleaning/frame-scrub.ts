import type { Logger } from "../../../common/logger.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import type { DriverDevice } from "../../driver.ts";
import type { LoopbackKernel } from "../kernel.ts";
import { type CaredDevice, overwriteLeftFrames } from "./clean-in-place.ts";
import type { ExclusiveAccess } from "./exclusive-access.ts";

export interface FrameScrubDeps {
  /** False: the kernel leaks. Undefined: that can't be told, and it is taken to. */
  readonly initOnAlloc: boolean | undefined;
  readonly kernel: LoopbackKernel;
  readonly access: ExclusiveAccess;
  readonly log: Logger;
}

/**
 * The kernel's part in keeping frames to themselves: no version of the module clears the buffers it
 * allocates or gives back. Where the kernel doesn't either (no `init_on_alloc`), or may not, what is still in a
 * device's buffers is overwritten before they go. Frames that went with a writer's own close are out of reach.
 */
export class FrameScrub {
  private readonly deps: FrameScrubDeps;
  private told = false;

  constructor(deps: FrameScrubDeps) {
    this.deps = deps;
  }

  /** Whether the kernel has to be taken for one that hands out memory as its last user left it. */
  get leaks(): boolean {
    return this.deps.initOnAlloc !== true;
  }

  /** Says once what it means that the kernel leaks, if it does or may. */
  tellOfLeak(): void {
    if (!this.leaks || this.told) return;
    this.told = true;
    if (this.deps.initOnAlloc === undefined) {
      this.deps.log.warn("Whether the kernel clears memory can't be told: frames may leak", {
        detail:
          "neither the kernel's command line nor a configuration that can be read says anything of init_on_alloc; what is left in a device is overwritten at each reset, to be on the safe side",
        remedy:
          "Boot the node with init_on_alloc=1 on the kernel's command line, or let this process read the kernel's configuration: /boot/config-$(uname -r) or config in the module tree.",
      });
      return;
    }
    this.deps.log.warn("The kernel does not clear memory: frames can leak from pod to pod", {
      detail:
        "without init_on_alloc a new camera buffer may hold frames of an earlier pod; a reset overwrites only those that are still in the device",
      remedy: "Boot the node with init_on_alloc=1 on the kernel's command line.",
    });
  }

  /** Before a device is removed. What can't be overwritten is told, and the device reset all the same. @throws PluginError `device_busy`. */
  async overwriteLeft(device: DriverDevice, cared: CaredDevice): Promise<void> {
    const { access, kernel, log } = this.deps;
    if (!this.leaks) return;
    try {
      await access.alone(device, () => overwriteLeftFrames(cared, kernel));
    } catch (error) {
      const reason = PluginError.from(error);
      if (reason.code === "device_busy") throw reason;
      log.warn("Frames left in a device could not be overwritten", {
        device_id: device.id,
        ...reason.fields(),
      });
    }
  }
}
