import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { release } from "node:os";
import { dirname, join } from "node:path";
import { systemClock } from "../../common/clock.ts";
import { silentLogger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import type { Config } from "../../config/config.ts";
import type { DeviceObservation } from "../../drivers/driver.ts";
import {
  ControlDevice,
  chooseNumbers,
  findModule,
  kernelDecompresses,
  type LoadProbes,
  type LoopbackKernel,
  LoopbackView,
  linuxKernel,
  loopbackModule,
  type ModprobeConfig,
  type ModuleInfo,
  modprobeDirectories,
  type NodeView,
  readControlDevice,
  readLoadProbes,
  readModprobeConfig,
  readModuleInfo,
  readVideoDevices,
  type SysfsDevice,
} from "../../drivers/loopback/index.ts";
import type { DeviceNumber } from "../../linux/device-number.ts";
import { errnoNameOf } from "../../linux/errno-error.ts";
import { configOption, readInitOnAlloc, readKernelConfig } from "../../linux/kernel-config.ts";
import { linuxCalls } from "../../linux/linux-calls.ts";
import { type Privileges, readPrivileges } from "../../linux/privileges.ts";
import { deviceId, numbersFrom } from "../../v4l2/device-ids.ts";
import { connects } from "../tools/connects.ts";
import { listPodDevices } from "../tools/pods-by-device.ts";

/** The module's file as found, or why it wasn't. */
export type ModuleFile =
  | {
      readonly path: string;
      readonly info: ModuleInfo | undefined;
      readonly xz?: XzFile | undefined;
    }
  | { readonly error: PluginError };

/** Of a file ending in .xz, into which only the kernel can look: whether this one can. */
export type XzFile = "kernel_loads" | "nobody_loads";

/** The module as it is loaded. */
export interface LoadedFacts {
  /** Absent in 0.12. */
  readonly version: string | undefined;
  /** What /sys has of its parameters, by name. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly control: DeviceNumber | undefined;
  readonly controlNode: NodeView;
  /** The control node may be opened, which a container's device cgroup can forbid. */
  readonly controlOpens: boolean;
}

/** A number of the configured range. */
export interface RangeDevice {
  readonly id: string;
  readonly number: number;
  readonly sysfs: SysfsDevice | undefined;
  /** What the plugin would say of it. */
  readonly seen: DeviceObservation;
}

/** All that the doctor looks at; nothing of it changes anything. */
export interface Facts {
  readonly config: Config;
  readonly kernelRelease: string;
  readonly arch: string;
  /** The kernel was built with V4L2 (CONFIG_VIDEO_DEV); undefined if its configuration isn't to be had. */
  readonly videoBuilt: boolean | undefined;
  readonly file: ModuleFile;
  readonly loaded: LoadedFacts | undefined;
  readonly probes: LoadProbes;
  readonly privileges: Privileges | undefined;
  /** /sys is mounted read-only, as in a container that isn't privileged. */
  readonly sysReadOnly: boolean;
  /** Undefined if nothing tells. */
  readonly initOnAlloc: boolean | undefined;
  /** What modprobe.d says of the module. */
  readonly modprobe: ModprobeConfig;
  readonly range: readonly RangeDevice[];
  /** Video devices outside of the range. */
  readonly others: readonly SysfsDevice[];
  readonly kubelet: {
    readonly directory: string;
    readonly exists: boolean;
    readonly writable: boolean;
    readonly accepts: string;
  };
  /** Empty if it answered, else why not. */
  readonly podResources: string;
}

/** Looks at everything. Never rejects for what is missing: that is what it is to find out. */
export async function gatherFacts(
  config: Config,
  kernel: LoopbackKernel = linuxKernel(linuxCalls()),
): Promise<Facts> {
  const kernelRelease = release();
  const { sysfsDir, modulesDir, kubeletSocket } = config;
  const all = readVideoDevices(sysfsDir);
  const numbers = wantedNumbers(config);
  const directory = dirname(kubeletSocket);
  return {
    config,
    kernelRelease,
    arch: process.arch,
    videoBuilt: videoBuilt(modulesDir, kernelRelease),
    file: moduleFile(config, kernelRelease),
    loaded: loadedModule(config, kernel),
    probes: readLoadProbes("/proc", sysfsDir),
    privileges: readPrivileges(),
    sysReadOnly: accessError(sysfsDir) === "EROFS",
    initOnAlloc: readInitOnAlloc({ kernelRelease }),
    modprobe: readModprobeConfig(modprobeDirectories),
    range: range(numbers, all, new LoopbackView({ ...config, readOnly: true }, kernel)),
    others: all.filter(({ number }) => !numbers.includes(number)),
    kubelet: {
      directory,
      exists: statSync(directory, { throwIfNoEntry: false })?.isDirectory() ?? false,
      writable: accessError(directory) === undefined,
      accepts: await connects(kubeletSocket),
    },
    podResources: await listPodDevices(config.podResourcesSocket).then(
      () => "",
      (error: Error) => error.message,
    ),
  };
}

function videoBuilt(modulesDir: string, kernelRelease: string): boolean | undefined {
  const config = readKernelConfig({ modulesDir, kernelRelease });
  return config === undefined ? undefined : configOption(config, "VIDEO_DEV") !== undefined;
}

function moduleFile({ modulesDir, sysfsDir }: Config, kernelRelease: string): ModuleFile {
  try {
    const path = findModule(modulesDir, kernelRelease).at(-1) ?? "";
    const loads = kernelDecompresses("xz", sysfsDir) ? "kernel_loads" : "nobody_loads";
    return { path, info: readModuleInfo(path), xz: path.endsWith(".xz") ? loads : undefined };
  } catch (error) {
    return { error: PluginError.from(error) };
  }
}

function loadedModule(
  { sysfsDir, deviceDir }: Config,
  kernel: LoopbackKernel,
): LoadedFacts | undefined {
  const directory = join(sysfsDir, "module", loopbackModule);
  if (!existsSync(directory)) return undefined;
  const parameters = list(join(directory, "parameters")).map((name) => [
    name,
    read(join(directory, "parameters", name)) ?? "?",
  ]);
  const control = new ControlDevice(
    { sysfsDir, deviceDir },
    { kernel, clock: systemClock, log: silentLogger },
  );
  return {
    version: read(join(directory, "version")),
    parameters: Object.fromEntries(parameters),
    control: readControlDevice(sysfsDir),
    controlNode: kernel.lookAt(control.path),
    controlOpens: control.isUsable(),
  };
}

/** The plugin's own choice; the plain range where there are not so many numbers. */
function wantedNumbers(config: Config): number[] {
  try {
    return chooseNumbers(config).map(({ number }) => number);
  } catch {
    const { firstDeviceNumber, maxDevices } = config;
    return numbersFrom(firstDeviceNumber, maxDevices);
  }
}

function range(
  numbers: readonly number[],
  all: readonly SysfsDevice[],
  view: LoopbackView,
): RangeDevice[] {
  return numbers.map((number) => {
    const id = deviceId(number);
    return {
      id,
      number,
      sysfs: all.find((device) => device.number === number),
      seen: view.observe({ id, number }).observation,
    };
  });
}

/** Why a file or directory can't be written to, `EROFS`; undefined if it can. */
function accessError(path: string): string | undefined {
  try {
    accessSync(path, constants.W_OK);
    return undefined;
  } catch (error) {
    return errnoNameOf(error) ?? String(error);
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
