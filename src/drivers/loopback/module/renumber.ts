import type { Logger } from "../../../common/logger.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { errnoNameOf } from "../../../linux/errno-error.ts";
import type { DriverDevice } from "../../driver.ts";
import type { LoopbackView } from "../device/loopback-view.ts";
import { loopbackNumbers, readControlDevice, readModuleParameter } from "../device/sysfs.ts";
import type { LoopbackKernel } from "../kernel.ts";
import { MODULE } from "./find-module.ts";

export interface RenumberDeps {
  readonly sysfsDir: string;
  readonly view: LoopbackView;
  readonly kernel: Pick<LoopbackKernel, "deleteModule">;
  readonly log: Logger;
}

/**
 * Unloads a module that was asked for our numbers and has others, so that it can be loaded anew: without a
 * control device there is no other way to have them right.
 *
 * Only if nobody can miss anything of it: it was asked for none but our devices, all of these are `recreatable`, and the kernel that nobody has one open.
 *
 * @returns whether it is gone.
 */
export function renumberModule(
  devices: readonly DriverDevice[],
  recreatable: ReadonlySet<string>,
  { sysfsDir, view, kernel, log }: RenumberDeps,
): boolean {
  if (readControlDevice(sysfsDir) !== undefined) return false;
  const wrong = devices.filter((device) => view.observe(device).reason === "wrong_number");
  if (wrong.length === 0) return false;
  const ours = new Set(devices.map(({ number }) => number));
  const asked = askedNumbers(sysfsDir);
  const there = loopbackNumbers(sysfsDir);
  const hasOthers = !asked.every((number) => ours.has(number)) || there.length > asked.length;
  const fields = {
    device_ids: wrong.map(({ id }) => id),
    module_device_numbers: [...there],
    asked_device_numbers: [...asked],
  };
  if (hasOthers || !devices.every(({ id }) => recreatable.has(id))) {
    log.debug("v4l2loopback with wrong device numbers stays loaded", fields);
    return false;
  }
  try {
    kernel.deleteModule(MODULE);
  } catch (error) {
    if (errnoNameOf(error) === "ENOENT") return true;
    const reason = PluginError.from(error).fields();
    log.debug("v4l2loopback with wrong device numbers stays loaded", { ...fields, ...reason });
    return false;
  }
  log.warn(
    "v4l2loopback had wrong device numbers and has been unloaded, to be loaded anew",
    fields,
  );
  return true;
}

/** The numbers it was loaded for; those it was to choose itself are -1. */
function askedNumbers(sysfsDir: string): readonly number[] {
  const numbers = (readModuleParameter(sysfsDir, "video_nr") ?? []).map(Number);
  return numbers.filter((number) => number >= 0);
}
