/**
 * The loopback driver as others see it: nothing outside this folder imports any other of its files. Three things: the
 * driver; what decides whether it can work on a node (`facts.ts`), for the doctor; and single devices, whatever
 * created them (`single-devices.ts`), for the other tools.
 */
export { cardLabelOf, labelProblem } from "./device/card-label.ts";
export { type LoopbackReason, loopbackReasons } from "./device/device-state.ts";
export { readSysfsDevice, type SysfsDevice } from "./device/sysfs.ts";
export {
  type LoadedFacts,
  type LoopbackFacts,
  type RangeDevice,
  readLoopbackFacts,
} from "./facts.ts";
export { type LoopbackKernel, linuxKernel } from "./kernel.ts";
export { LoopbackDriver } from "./loopback-driver.ts";
export { installHint, videoKernelHint } from "./module/install-hint.ts";
export { unpackXzHint } from "./module/load-module.ts";
export { modprobeDirectories, refuseVetoed } from "./module/modprobe-config.ts";
export { describeDefect, moduleDefect } from "./module/module-defect.ts";
export { bootParametersHint, maxParameterDevices } from "./module/parameters.ts";
export { SharedModule } from "./module/shared-module.ts";
export { deviceRulesError } from "./node/device-rules.ts";
export { findPair, hasFeedLabel, type ReadyPair } from "./ready/find-pair.ts";
export { placeholderFrame } from "./ready/placeholder.ts";
export { ReadyDriver, type ReadyDriverDeps } from "./ready/ready-driver.ts";
export type { ReadySettings } from "./ready/ready-settings.ts";
export { WorkerRelay } from "./ready/worker-relay.ts";
export {
  isModuleLoaded,
  listVideoDevices,
  loopbackParameters,
  readStream,
} from "./single-devices.ts";
