import { PluginError } from "../../../common/plugin-error.ts";
import { errnoNameOf } from "../../../linux/errno-error.ts";
import type { DriverDevice } from "../../driver.ts";
import type { LoopbackView } from "../device/device-state.ts";
import { loopbackNumbers, readControlDevice, readModuleParameter } from "../device/sysfs.ts";
import type { ModuleContext } from "./ensure-module.ts";
import { loopbackModule } from "./find-module.ts";

export type RenumberContext = Pick<ModuleContext, "settings" | "kernel" | "log"> & {
  readonly view: LoopbackView;
};

/**
 * Unloads a module that was loaded for our numbers and created others, so that it can be loaded again: without a
 * control device there is no other way to get the numbers right.
 *
 * Only if that harms no user: the module was loaded for none but our devices, every one of them is known to be free
 * (`recreatable`), and the kernel finds none open.
 *
 * @returns whether it is gone.
 */
export function renumberModule(
  devices: readonly DriverDevice[],
  recreatable: ReadonlySet<string>,
  { settings, view, kernel, log }: RenumberContext,
): boolean {
  const { sysfsDir } = settings;
  if (readControlDevice(sysfsDir) !== undefined) return false;
  const wrong = view
    .observeAll(devices, false)
    .filter(({ observation }) => observation.reason === "wrong_number");
  if (wrong.length === 0) return false;
  const ours = new Set(devices.map(({ number }) => number));
  // Numbers that the module was to choose itself are -1.
  const parameter = readModuleParameter(sysfsDir, "video_nr") ?? [];
  const asked = parameter.map(Number).filter((number) => number >= 0);
  const created = loopbackNumbers(sysfsDir);
  const hasOthers = !asked.every((number) => ours.has(number)) || created.length > asked.length;
  const fields = {
    device_ids: wrong.map(({ observation }) => observation.id),
    module_device_numbers: [...created],
    asked_device_numbers: asked,
  };
  if (hasOthers || !devices.every(({ id }) => recreatable.has(id))) {
    log.debug("Module v4l2loopback with wrong device numbers stays loaded", fields);
    return false;
  }
  try {
    kernel.deleteModule(loopbackModule);
  } catch (error) {
    if (errnoNameOf(error) === "ENOENT") return true;
    const reason = PluginError.from(error).fields();
    log.debug("Module v4l2loopback with wrong device numbers stays loaded", {
      ...fields,
      ...reason,
    });
    return false;
  }
  log.warn("Module v4l2loopback unloaded, to be loaded with the right device numbers", fields);
  return true;
}
