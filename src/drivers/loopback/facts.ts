import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../common/clock.ts";
import { readSmallFile } from "../../common/files.ts";
import { silentLogger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { DeviceNumber } from "../../linux/device-number.ts";
import { errnoNameOf } from "../../linux/errno-error.ts";
import { linuxCalls } from "../../linux/linux-calls.ts";
import { deviceId, numbersFrom } from "../../v4l2/device-ids.ts";
import type { DeviceObservation } from "../driver.ts";
import { chooseNumbers, type NumberSettings } from "./device/choose-numbers.ts";
import { ControlDevice } from "./device/control-device.ts";
import { LoopbackView } from "./device/device-state.ts";
import { readControlDevice, readVideoDevices, type SysfsDevice } from "./device/sysfs.ts";
import { type LoopbackKernel, linuxKernel, type NodeView } from "./kernel.ts";
import type { LoopbackSettings } from "./loopback-settings.ts";
import { findModule, isBuiltIn, loopbackModule } from "./module/find-module.ts";
import { kernelDecompresses } from "./module/load-module.ts";
import { type LoadProbes, readLoadProbes } from "./module/load-probes.ts";
import {
  type ModprobeConfig,
  modprobeDirectories,
  readModprobeConfig,
} from "./module/modprobe-config.ts";
import { type ModuleInfo, readModuleInfo } from "./module/module-info.ts";

export type FactsSettings = NumberSettings & Pick<LoopbackSettings, "deviceDir" | "modulesDir">;

/** All that decides whether this driver can work on this node. */
export interface LoopbackFacts {
  readonly kernelRelease: string;
  readonly file: ModuleFile;
  /** True if the module is a part of the kernel, and has no file. */
  readonly builtIn: boolean;
  /** Undefined if the module isn't loaded. */
  readonly loaded: LoadedFacts | undefined;
  readonly probes: LoadProbes;
  readonly modprobe: ModprobeConfig;
  /** True if /sys is mounted read-only, as in a container that isn't privileged. */
  readonly sysReadOnly: boolean;
  /** Path of the first node of a device of the range, or of the control device, that device rules forbid to open. */
  readonly forbidden: string | undefined;
  readonly range: readonly RangeDevice[];
  /** Video devices outside of the range. */
  readonly others: readonly SysfsDevice[];
}

/** The module's file, or why there is none. */
export type ModuleFile =
  | {
      readonly path: string;
      readonly info: ModuleInfo | undefined;
      /** Set for a file ending in .xz, which only the kernel can decompress: whether this kernel can. */
      readonly xz?: "loadable" | "not_loadable" | undefined;
    }
  | { readonly error: PluginError };

export interface LoadedFacts {
  /** Absent in 0.12. */
  readonly version: string | undefined;
  /** Values of its parameters in /sys, by name. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly control: DeviceNumber | undefined;
  readonly controlNode: NodeView;
  /** True if the control node can be opened, which a container's device cgroup can forbid. */
  readonly controlOpens: boolean;
}

/** A number of the configured range. */
export interface RangeDevice {
  readonly id: string;
  readonly number: number;
  readonly sysfs: SysfsDevice | undefined;
  /** As the driver would report it. */
  readonly observation: DeviceObservation;
}

/** Reads the facts. Changes nothing and opens no camera. @throws PluginError `sysfs_unreadable`. */
export function readLoopbackFacts(
  settings: FactsSettings,
  kernel: LoopbackKernel = linuxKernel(linuxCalls()),
): LoopbackFacts {
  const kernelRelease = release();
  const { sysfsDir } = settings;
  const all = readVideoDevices(sysfsDir);
  const view = new LoopbackView({ ...settings, readOnly: true }, kernel);
  const numbers = wantedNumbers(settings);
  return {
    kernelRelease,
    file: moduleFile(settings, kernelRelease),
    builtIn: isBuiltIn(settings.modulesDir, kernelRelease),
    loaded: loadedFacts(settings, kernel),
    probes: readLoadProbes("/proc", sysfsDir),
    modprobe: readModprobeConfig(modprobeDirectories),
    sysReadOnly: isReadOnly(sysfsDir),
    forbidden: [join(settings.deviceDir, loopbackModule)]
      .concat(numbers.map((number) => view.nodePath(deviceId(number))))
      .find((path) => isForbidden(kernel.lookAt(path))),
    range: numbers.map((number) => {
      const id = deviceId(number);
      const sysfs = all.find((device) => device.number === number);
      return { id, number, sysfs, observation: view.observe({ id, number }).observation };
    }),
    others: all.filter(({ number }) => !numbers.includes(number)),
  };
}

function moduleFile({ modulesDir, sysfsDir }: FactsSettings, kernelRelease: string): ModuleFile {
  try {
    const path = findModule(modulesDir, kernelRelease).at(-1) ?? "";
    const xz = kernelDecompresses("xz", sysfsDir) ? "loadable" : "not_loadable";
    return { path, info: readModuleInfo(path), xz: path.endsWith(".xz") ? xz : undefined };
  } catch (error) {
    return { error: PluginError.from(error) };
  }
}

function loadedFacts(settings: FactsSettings, kernel: LoopbackKernel): LoadedFacts | undefined {
  const { sysfsDir } = settings;
  const directory = join(sysfsDir, "module", loopbackModule);
  if (!existsSync(directory)) return undefined;
  const parameters = parameterNames(directory).map((name) => [
    name,
    readSmallFile(join(directory, "parameters", name)) ?? "?",
  ]);
  const control = new ControlDevice(settings, { kernel, clock: systemClock, log: silentLogger });
  return {
    version: readSmallFile(join(directory, "version")),
    parameters: Object.fromEntries(parameters),
    control: readControlDevice(sysfsDir),
    controlNode: kernel.lookAt(control.path),
    controlOpens: control.isUsable(),
  };
}

function parameterNames(directory: string): string[] {
  try {
    return readdirSync(join(directory, "parameters")).sort();
  } catch {
    return [];
  }
}

/** The numbers that the driver would choose, or the plain range where there aren't so many free ones. */
function wantedNumbers(settings: FactsSettings): number[] {
  try {
    return chooseNumbers(settings).map(({ number }) => number);
  } catch {
    return numbersFrom(settings.firstDeviceNumber, settings.maxDevices);
  }
}

function isForbidden(node: NodeView): boolean {
  return node.kind === "character_device" && node.forbidden === true;
}

function isReadOnly(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return false;
  } catch (error) {
    return errnoNameOf(error) === "EROFS";
  }
}
