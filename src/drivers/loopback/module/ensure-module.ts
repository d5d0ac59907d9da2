import type { Clock } from "../../../common/clock.ts";
import type { Logger } from "../../../common/logger.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { pollUntil } from "../../../common/poll-until.ts";
import { errnoNameOf } from "../../../linux/errno-error.ts";
import type { ControlDevice } from "../device/control-device.ts";
import {
  loopbackNumbers,
  moduleState,
  readControlDevice,
  readModuleParameter,
  readModuleVersion,
  videoNumbers,
} from "../device/sysfs.ts";
import type { LoopbackKernel } from "../kernel.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import { findModule, loopbackModule } from "./find-module.ts";
import { loadModule } from "./load-module.ts";
import { type ModprobeConfig, readModprobeConfig, refuseVetoed } from "./modprobe-config.ts";
import { describeDefect, moduleDefect } from "./module-defect.ts";
import { readModuleInfo } from "./module-info.ts";
import type { ModuleOwnership } from "./module-ownership.ts";
import {
  type DeviceRequest,
  maxParameterDevices,
  moduleParameters,
  ownParameters,
  parametersOf,
} from "./parameters.ts";
import type { SharedModule } from "./shared-module.ts";

/** Milliseconds that the control device's node may take after the load. */
const nodePatienceMs = 500;

/** Milliseconds that an unloading may take (100 ms were seen), and between two looks or tries. */
const unloadPatienceMs = 2000;
const unloadPauseMs = 20;

export interface ModuleContext {
  readonly settings: LoopbackSettings;
  readonly kernel: LoopbackKernel;
  readonly clock: Clock;
  readonly log: Logger;
  readonly control: ControlDevice;
  readonly module: Pick<ModuleOwnership, "isOurs" | "hasLoaded">;
  readonly shared: Pick<SharedModule, "isShared" | "loadSettings">;
}

/** How the module came to be loaded. */
export interface ModuleLoad {
  /** It was `there`, or was loaded by this call (`ours`), or meanwhile by another loader, whose parameters won (`others`). */
  readonly by: "there" | "ours" | "others";
  /** Device numbers in this call's parameters: if `by` is `ours`, those of the devices that the load created. */
  readonly numbers: readonly number[];
}

/**
 * Makes sure that v4l2loopback is loaded with these devices, those of all drivers of the process, in the way that suits its version: whether it has a control device shows
 * only once it is loaded. So it is loaded without devices, which are then added one by one. Where they can't be
 * added, it is unloaded at once (no process can have opened anything of it) and loaded with parameters for up to 8
 * devices.
 *
 * A module that another program loaded stays as it is. The exception is a version without a control device that has no
 * device either, and so can never get one: an interrupted run of this program leaves that between the two loads.
 *
 * @throws PluginError: of `findModule` and `loadModule`; `module_vetoed`, `module_unsafe`,
 * `card_label_invalid`, `too_many_devices`, `module_load_failed`.
 */
export async function ensureModule(
  devices: readonly DeviceRequest[],
  context: ModuleContext,
): Promise<ModuleLoad> {
  const { control, log, settings, module } = context;
  const { sysfsDir } = settings;
  await awaitUnload(context);
  // It may be one that an earlier call refused and could not unload.
  if (module.hasLoaded() && loopbackNumbers(sysfsDir).length === 0) {
    await refuseLoaded("The loaded v4l2loopback is not used", context);
  }
  if (isLoaded(sysfsDir) && !(isUseless(sysfsDir) && unload(context))) {
    return { by: "there", numbers: [] };
  }
  // A number that is taken would shift those after it.
  const taken = videoNumbers(sysfsDir);
  const free = devices.filter(({ number }) => !taken.includes(number));
  if (free.length === 0) return { by: "there", numbers: [] };
  const config = readModprobeConfig(settings.modprobeDirs);
  refuseVetoed(config);
  warnOfIgnored(config, log);
  const merged = config.options.filter(({ name }) => !ownParameters.includes(name));
  const files = findModule(settings.modulesDir, settings.kernelRelease);
  const path = files.at(-1) ?? "";
  const info = readModuleInfo(path);
  const [first] = devices;
  // Of the pairs of ready cameras both have the same number of buffers where a load creates them.
  const parameters = parametersOf(first?.role, context.shared.loadSettings(), info?.version);
  const paramsFor = (requests: readonly DeviceRequest[]) =>
    [moduleParameters(requests, parameters), ...merged.map(({ text }) => text)].join(" ");
  if (info?.builtFor !== undefined)
    refuseDefective(info.version, `${path} is not loaded`, settings);
  if (!(await load(files, paramsFor([]), context))) return { by: "others", numbers: [] };
  // The kernel may have said "loaded" for the load of another.
  const by = loopbackNumbers(sysfsDir).length > 0 ? "others" : "ours";
  if (info === undefined && by === "ours") {
    module.isOurs();
    await refuseLoaded(`${path} is not loaded`, context);
  }
  await control.ensureNode(nodePatienceMs);
  if (control.isUsable() || by === "others" || !unload(context)) return { by, numbers: [] };
  refuseTooMany(devices.length, settings, context.shared.isShared);
  const numbers = free.slice(0, maxParameterDevices).map(({ number }) => number);
  const isOurs = (await load(files, paramsFor(free), context)) && isLoadedWith(numbers, sysfsDir);
  warnOfOthers(devices, context);
  return { by: isOurs ? "ours" : "others", numbers };
}

/**
 * A module that is known to crash the running kernel is not loaded.
 * @param outcome The beginning of the error's message: what is not done.
 * @throws PluginError `module_unsafe`.
 */
function refuseDefective(
  version: string | undefined,
  outcome: string,
  { kernelRelease, loadUnsafe = false }: LoopbackSettings,
): void {
  const defect = moduleDefect(version, kernelRelease);
  if (!defect?.certain || loadUnsafe) return;
  throw new PluginError(
    "module_unsafe",
    `${outcome}: ${describeDefect(version, defect, kernelRelease)}.`,
    { remedy: defect.remedy },
  );
}

/**
 * As {@link refuseDefective}, for a module that this process loaded from a file of xz, whose version shows in /sys
 * alone: no device has been created yet. What uses the module for a moment (a program that reads the control device's
 * state) ends within the patience; else the next call refuses the module again.
 */
async function refuseLoaded(outcome: string, context: ModuleContext): Promise<void> {
  const { settings, clock } = context;
  try {
    refuseDefective(readModuleVersion(settings.sysfsDir), outcome, settings);
  } catch (error) {
    const polling = { pauseMs: unloadPauseMs, patienceMs: unloadPatienceMs };
    await pollUntil(() => unload(context), clock, polling);
    throw error;
  }
}

/** As with the first load, the kernel's word is no proof of whose parameters it used. */
function isLoadedWith(numbers: readonly number[], sysfsDir: string): boolean {
  const found = readModuleParameter(sysfsDir, "video_nr")?.map(Number);
  return numbers.every((number, index) => found?.[index] === number);
}

/**
 * Without a control device there can be no more than 8 devices.
 * @param isShared True if they are those of several drivers.
 * @throws PluginError `too_many_devices`.
 */
export function refuseTooMany(
  count: number,
  { deviceDir, sysfsDir, pairs }: LoopbackSettings,
  isShared: boolean,
): void {
  if (count <= maxParameterDevices) return;
  const isOfPairs = pairs && !isShared;
  const most = isOfPairs ? maxParameterDevices / 2 : maxParameterDevices;
  const wanted = isOfPairs
    ? `${count / 2} ready cameras can't be created, which are two devices each`
    : `${count} devices${isShared ? " of all pools together" : ""} can't be created`;
  const reason =
    readControlDevice(sysfsDir) === undefined
      ? "this node's v4l2loopback has no control device (only 0.13 and later have)"
      : `the module's control device can't be opened at ${deviceDir}/${loopbackModule}`;
  throw new PluginError(
    "too_many_devices",
    `${wanted}: v4l2loopback accepts ${maxParameterDevices} as parameters, and for more ${reason}.`,
    {
      remedy: `${isShared ? `Let all pools together have ${most} devices or less (a ready camera is two)` : `Set MAX_DEVICES to ${most} or less`}, or give the node v4l2loopback 0.13 or later (Ubuntu 24.04: apt-get install linux-generic-hwe-24.04), with the container privileged and the host's /dev mounted.`,
    },
  );
}

function isLoaded(sysfsDir: string): boolean {
  return moduleState(sysfsDir) === "live";
}

/** Waits for an unloading that is under way: until its end the kernel refuses to load. */
async function awaitUnload({ settings, clock }: ModuleContext): Promise<void> {
  const isOver = () => moduleState(settings.sysfsDir) !== "going";
  await pollUntil(isOver, clock, { pauseMs: unloadPauseMs, patienceMs: unloadPatienceMs });
}

function isUseless(sysfsDir: string): boolean {
  return readControlDevice(sysfsDir) === undefined && loopbackNumbers(sysfsDir).length === 0;
}

/** @returns whether the module is gone. It stays if a process uses it, or is loading it. */
function unload({ kernel, log, settings }: ModuleContext): boolean {
  try {
    kernel.deleteModule(loopbackModule);
    return true;
  } catch (error) {
    // The kernel says so of a module that is built in, too, and that one stays.
    if (errnoNameOf(error) === "ENOENT") return !isLoaded(settings.sysfsDir);
    log.debug("Module v4l2loopback not unloaded", { error: PluginError.from(error).message });
    return false;
  }
}

/** @returns whether this call loaded it, and no other loader. */
async function load(
  files: readonly string[],
  params: string,
  context: ModuleContext,
): Promise<boolean> {
  const { sysfsDir, kernelRelease } = context.settings;
  const request = { files, params, kernelRelease, sysfsDir };
  const outcome = await loadModule(request, context.kernel, context.clock);
  if (!isLoaded(sysfsDir)) {
    throw new PluginError(
      "module_load_failed",
      `The kernel accepted ${files.at(-1)} without an error, but there is no ${sysfsDir}/module/${loopbackModule}.`,
      { remedy: "See the kernel's log on the host: dmesg | tail" },
    );
  }
  context.log.info("Module v4l2loopback loaded", {
    module_path: files.at(-1),
    module_params: params,
    loaded_by: outcome === "loaded" ? "plugin" : "another program",
  });
  return outcome === "loaded";
}

/** Warns of what an administrator configured for modprobe and has no effect here. */
function warnOfIgnored({ options, install }: ModprobeConfig, log: Logger): void {
  const ignored = options.filter(({ name }) => ownParameters.includes(name));
  if (ignored.length > 0) {
    log.warn("Options of modprobe.d for v4l2loopback ignored", {
      module_params: ignored.map(({ text }) => text),
      files: [...new Set(ignored.map(({ where }) => where))],
    });
  }
  if (install !== undefined) {
    log.warn("Install command of modprobe.d for v4l2loopback not run", {
      command: install.command,
      files: [install.where],
    });
  }
}

function warnOfOthers(devices: readonly DeviceRequest[], { settings, log }: ModuleContext): void {
  const wanted = devices.map(({ number }) => number);
  const others = loopbackNumbers(settings.sysfsDir).filter((number) => !wanted.includes(number));
  if (others.length === 0) return;
  log.warn("Module v4l2loopback has devices of other numbers", { other_device_numbers: others });
}
