/** The loopback driver as others see it: nothing outside this folder imports any other of its files. */
export { MaxOpeners } from "./cleaning/exclusive-access.ts";
export { cardLabelOf, labelProblem } from "./device/card-label.ts";
export { chooseNumbers } from "./device/choose-numbers.ts";
export { deviceParameters } from "./device/config-drift.ts";
export { ControlDevice } from "./device/control-device.ts";
export { type LoopbackReason, LoopbackView, loopbackReasons } from "./device/device-state.ts";
export {
  readControlDevice,
  readSysfsDevice,
  readVideoDevices,
  type SysfsDevice,
} from "./device/sysfs.ts";
export { type LoopbackKernel, linuxKernel, type NodeView } from "./kernel.ts";
export { LoopbackDriver } from "./loopback-driver.ts";
export { findModule, loopbackModule } from "./module/find-module.ts";
export { installHint } from "./module/install-hint.ts";
export { kernelDecompresses, unpackXzHint } from "./module/load-module.ts";
export { type LoadProbes, readLoadProbes } from "./module/load-probes.ts";
export {
  type ModprobeConfig,
  modprobeDirectories,
  readModprobeConfig,
  refuseVetoed,
} from "./module/modprobe-config.ts";
export { type ModuleInfo, readModuleInfo } from "./module/module-info.ts";
export { maxParameterDevices } from "./module/parameters.ts";
