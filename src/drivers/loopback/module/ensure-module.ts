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
  readSysfs,
} from "../device/sysfs.ts";
import type { LoopbackKernel } from "../kernel.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import type { ControlNode } from "../node/control-node.ts";
import { findModule, MODULE } from "./find-module.ts";
import { loadModule } from "./load-module.ts";
import { type ModprobeConfig, readModprobeConfig, refuseVetoed } from "./modprobe-config.ts";
import {
  type DeviceRequest,
  MAX_PARAMETER_DEVICES,
  moduleParameters,
  OUR_PARAMETERS,
} from "./parameters.ts";

/** How long, in ms, the control device's node may take after the load. */
const NODE_PATIENCE_MS = 500;

/** How long, in ms, a module that is being unloaded may take (100 ms were seen), and the pause between looks. */
const UNLOAD_PATIENCE_MS = 2000;
const UNLOAD_PAUSE_MS = 20;

export interface ModuleNeeds {
  readonly settings: LoopbackSettings;
  readonly kernel: LoopbackKernel;
  readonly clock: Clock;
  readonly log: Logger;
  readonly control: ControlDevice;
  readonly controlNode: ControlNode;
}

/** How the module came to be loaded. */
export interface Provided {
  /** It was `there`, by this call (`ours`), or during this call by another loader, whose parameters won (`others`). */
  readonly by: "there" | "ours" | "others";
  /** Numbers that this call loaded it with; those of the devices that it has made, if `by` is `ours`. */
  readonly asked: readonly number[];
}

/**
 * Has v4l2loopback loaded, in the way that suits what it turns out to be: whether a version has a control
 * device shows only once it is loaded. So it is loaded without devices, which are then added one by one;
 * and where there is no way to do that, it is unloaded at once (nobody can have anything of it) and loaded
 * with parameters for up to 8 devices.
 *
 * A module that somebody else loaded stays as it is, but for one: a version without a control device that
 * has no device either, and so can never have one. That is what a kill between the two loads leaves.
 *
 * @throws PluginError: of `findModule` and `loadModule`; `module_vetoed`, `card_label_invalid`,
 * `too_many_devices`, `module_load_failed`.
 */
export async function ensureModule(
  devices: readonly DeviceRequest[],
  needs: ModuleNeeds,
): Promise<Provided> {
  const { control, controlNode, log } = needs;
  const { sysfsDir, modprobeDirs } = needs.settings;
  await unloaded(needs);
  const there = { by: "there", asked: [] } as const;
  if (isLoaded(sysfsDir) && !(isUseless(sysfsDir) && unload(needs))) return there;
  // A number that is taken would shift those after it.
  const taken = readSysfs(
    sysfsDir,
    devices.map(({ number }) => number),
  ).devices;
  const free = devices.filter(({ number }) => !taken.has(number));
  if (free.length === 0) return there;
  const config = readModprobeConfig(modprobeDirs);
  refuseVetoed(config);
  tellIgnored(config, log);
  const merged = config.options.filter(({ name }) => !OUR_PARAMETERS.includes(name));
  const more = merged.map(({ text }) => text);
  const none = moduleParameters([], needs.settings);
  if (!(await load([none, ...more].join(" "), needs))) return { by: "others", asked: [] };
  // The kernel may have said "loaded" for the load of another.
  const by = loopbackNumbers(sysfsDir).length > 0 ? "others" : "ours";
  await controlNode.provide(NODE_PATIENCE_MS);
  if (control.isUsable() || by === "others") return { by, asked: [] };
  if (!unload(needs)) return { by, asked: [] };
  refuseTooMany(devices.length, needs.settings);
  const params = [moduleParameters(free, needs.settings), ...more].join(" ");
  const asked = free.slice(0, MAX_PARAMETER_DEVICES).map(({ number }) => number);
  const isOurs = (await load(params, needs)) && isLoadedWith(asked, sysfsDir);
  tellOthers(devices, needs);
  return { by: isOurs ? "ours" : "others", asked };
}

/** As with the first load, the kernel's word is no proof of whose parameters it took. */
function isLoadedWith(numbers: readonly number[], sysfsDir: string): boolean {
  const found = readModuleParameter(sysfsDir, "video_nr")?.map(Number);
  return numbers.every((number, index) => found?.[index] === number);
}

/**
 * More than 8 devices can't be had without a control device.
 * @throws PluginError `too_many_devices`.
 */
export function refuseTooMany(count: number, { deviceDir, sysfsDir }: LoopbackSettings): void {
  if (count <= MAX_PARAMETER_DEVICES) return;
  const reason =
    readControlDevice(sysfsDir) === undefined
      ? "this node's v4l2loopback has no control device (only 0.13 and later have)"
      : `the module's control device can't be opened at ${deviceDir}/${MODULE}`;
  throw new PluginError(
    "too_many_devices",
    `${count} devices can't be made: v4l2loopback takes ${MAX_PARAMETER_DEVICES} as parameters, and for more ${reason}.`,
    {
      remedy:
        "Set MAX_DEVICES to 8 or less, or give the node v4l2loopback 0.13 or later (Ubuntu 24.04: apt-get install linux-generic-hwe-24.04), with the container privileged and the host's /dev mounted.",
    },
  );
}

function isLoaded(sysfsDir: string): boolean {
  return readSysfs(sysfsDir, []).moduleLoaded;
}

/** Waits for an unloading that is under way: until its end the kernel refuses to load. */
async function unloaded({ settings, clock }: ModuleNeeds): Promise<void> {
  const isOver = () => moduleState(settings.sysfsDir) !== "going";
  await pollUntil(isOver, clock, { pauseMs: UNLOAD_PAUSE_MS, patienceMs: UNLOAD_PATIENCE_MS });
}

function isUseless(sysfsDir: string): boolean {
  return readControlDevice(sysfsDir) === undefined && loopbackNumbers(sysfsDir).length === 0;
}

/** Whether the module is gone; it isn't if somebody uses it, or is loading it. */
function unload({ kernel, log }: ModuleNeeds): boolean {
  try {
    kernel.deleteModule(MODULE);
    return true;
  } catch (error) {
    if (errnoNameOf(error) === "ENOENT") return true;
    log.debug("v4l2loopback was not unloaded", { error: PluginError.from(error).message });
    return false;
  }
}

/** Whether this call loaded it, and nobody else. */
async function load(params: string, needs: ModuleNeeds): Promise<boolean> {
  const { sysfsDir, modulesDir, kernelRelease } = needs.settings;
  const files = findModule(modulesDir, kernelRelease);
  const request = { files, params, kernelRelease, sysfsDir };
  const outcome = await loadModule(request, needs.kernel, needs.clock);
  if (!isLoaded(sysfsDir)) {
    throw new PluginError(
      "module_load_failed",
      `The kernel took ${files.at(-1)} without an error, but there is no ${sysfsDir}/module/${MODULE}.`,
      { remedy: "See the kernel's log on the host: dmesg | tail" },
    );
  }
  needs.log.info("v4l2loopback is loaded", {
    module_path: files.at(-1),
    module_params: params,
    loaded_by: outcome === "loaded" ? "plugin" : "somebody else",
  });
  return outcome === "loaded";
}

/** Whoever wrote these down for modprobe should know that they don't count. */
function tellIgnored({ options, install }: ModprobeConfig, log: Logger): void {
  const ignored = options.filter(({ name }) => OUR_PARAMETERS.includes(name));
  if (ignored.length > 0) {
    log.warn("options of modprobe.d for v4l2loopback are not used", {
      module_params: ignored.map(({ text }) => text),
      files: [...new Set(ignored.map(({ where }) => where))],
    });
  }
  if (install !== undefined) {
    log.warn("an install command of modprobe.d for v4l2loopback is not run", {
      command: install.command,
      files: [install.where],
    });
  }
}

function tellOthers(devices: readonly DeviceRequest[], { settings, log }: ModuleNeeds): void {
  const wanted = new Set(devices.map(({ number }) => number));
  const others = loopbackNumbers(settings.sysfsDir).filter((number) => !wanted.has(number));
  if (others.length === 0) return;
  log.warn("v4l2loopback has devices of other numbers", { other_device_numbers: others });
}
