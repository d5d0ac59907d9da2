import { PluginError } from "../../common/plugin-error.ts";
import type { LoopbackKernel } from "./kernel.ts";

/**
 * `kernel` for a process that only looks: nodes and uevents are seen, every call that could change something,
 * or open a device, fails with `not_managed` before the kernel hears of it.
 */
export function readOnlyKernel(
  kernel: Pick<LoopbackKernel, "lookAt" | "openUevents">,
): LoopbackKernel {
  const refuse = (what: string) => (): never => {
    throw new PluginError("not_managed", `${what} is not done: MANAGE_DEVICES is false.`);
  };
  return {
    finitModule: refuse("Loading the module"),
    initModule: refuse("Loading the module"),
    deleteModule: refuse("Unloading the module"),
    control: refuse("Asking the control device"),
    openVideo: refuse("Opening a device"),
    zeroMapping: refuse("Overwriting a buffer"),
    writeAttribute: refuse("Writing to /sys"),
    makeNode: refuse("Making a node"),
    removeNode: refuse("Removing a node"),
    lookAt: (path) => kernel.lookAt(path),
    openUevents: () => kernel.openUevents(),
  };
}
