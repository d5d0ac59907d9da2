/** The loopback driver as others see it: nothing outside this folder imports any other of its files. */
export { MaxOpeners } from "./cleaning/max-openers.ts";
export { cardLabelOf, labelProblem } from "./device/card-label.ts";
export { chooseNumbers } from "./device/choose-numbers.ts";
export { ControlDevice } from "./device/control-device.ts";
export { type LoopbackReason, loopbackReasons } from "./device/device-state.ts";
export { LoopbackView, type ViewSettings } from "./device/loopback-view.ts";
export {
  readControlDevice,
  readModuleParameter,
  readSysfs,
  type SysfsDevice,
  videoNumbers,
} from "./device/sysfs.ts";
export { type LoopbackKernel, linuxKernel, type NodeView } from "./kernel.ts";
export { LoopbackDriver } from "./loopback-driver.ts";
export { findModule, MODULE } from "./module/find-module.ts";
export { installHint } from "./module/install-hint.ts";
export { kernelDecompresses, unpackXzHint } from "./module/load-module.ts";
export { type LoadProbes, readLoadProbes } from "./module/load-probes.ts";
export {
  MODPROBE_DIRECTORIES,
  type ModprobeConfig,
  readModprobeConfig,
  refuseVetoed,
} from "./module/modprobe-config.ts";
export { type ModuleInfo, readModuleInfo } from "./module/module-info.ts";
export { MAX_PARAMETER_DEVICES } from "./module/parameters.ts";
export { readOnlyKernel } from "./read-only-kernel.ts";
