import { basename } from "node:path";
import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { watchDirectory } from "../../common/watch-directory.ts";
import { formatDevice } from "../../linux/device-number.ts";
import type { OpenWatch } from "../../linux/open-watch.ts";
import { type Uevent, watchUevents } from "../../linux/uevents.ts";
import { describeHolders, findOtherHolders } from "../../v4l2/holders.ts";
import { hasNodeAccess } from "../../v4l2/node-access.ts";
import type { VideoFile } from "../../v4l2/video-file.ts";
import type {
  DeviceObservation,
  DriverCapabilities,
  DriverDescription,
  DriverDevice,
  EnsureOptions,
  EnsureReport,
  InspectOptions,
  VideoDriver,
} from "../driver.ts";
import { findDevice } from "../driver-devices.ts";
import { cleanInPlace, repairCaps } from "./cleaning/clean-in-place.ts";
import { ExclusiveAccess } from "./cleaning/exclusive-access.ts";
import {
  FrameScrub,
  type OpenedDevice,
  overwriteLeftFrames,
  zeroBuffers,
} from "./cleaning/frame-scrub.ts";
import { chooseNumbers } from "./device/choose-numbers.ts";
import { ConfigDrift } from "./device/config-drift.ts";
import { ControlDevice } from "./device/control-device.ts";
import { DeviceMaker, DeviceNumberHistory } from "./device/device-maker.ts";
import { faultOf, LoopbackView, loopbackReasons } from "./device/device-state.ts";
import { type EnsureContext, ensureDevices, loadRequest } from "./device/ensure-devices.ts";
import { readControlDevice, readModuleVersion, type SysfsDevice } from "./device/sysfs.ts";
import type { LoopbackKernel } from "./kernel.ts";
import type { LoopbackSettings } from "./loopback-settings.ts";
import { loopbackModule } from "./module/find-module.ts";
import { describeDefect, moduleDefect } from "./module/module-defect.ts";
import { ModuleOwnership } from "./module/module-ownership.ts";
import { parametersOf } from "./module/parameters.ts";
import { SharedModule } from "./module/shared-module.ts";
import { DeviceNodes, oldNodePatienceMs } from "./node/device-nodes.ts";
import { roleOf, singlesOf } from "./ready/pair.ts";

export interface LoopbackDependencies {
  readonly log: Logger;
  readonly kernel: LoopbackKernel;
  readonly clock: Clock;
  /** What the loopback drivers of the process share. Default: this is the only one. */
  readonly shared?: SharedModule;
}

/**
 * v4l2loopback cameras. There are two ways to create them: parameters when the module is loaded, which every version
 * has, and from 0.13 on a control device that adds and removes single devices. The kernel changes numbers and drops
 * parameters without an error, so /sys is read after every step.
 *
 * A kill may interrupt any step; the next `ensure` completes it.
 */
export class LoopbackDriver implements VideoDriver {
  readonly name = "v4l2loopback";
  readonly reasons = loopbackReasons;
  readonly devices: readonly DriverDevice[];
  readonly #parts: EnsureContext;
  /** Undefined if the kernel clears the memory that it hands out. */
  readonly #scrub: FrameScrub | undefined;
  /** By ID, the error of devices that were opened and found to have dead capabilities, which /sys does not show. */
  readonly #deadCaps = new Map<string, string>();

  /** @throws PluginError `device_numbers_exhausted`. */
  constructor(settings: LoopbackSettings, dependencies: LoopbackDependencies) {
    const { kernel, log, shared = new SharedModule() } = dependencies;
    const { sysfsDir, initOnAlloc } = settings;
    const control = new ControlDevice(settings, dependencies);
    const view = new LoopbackView(settings, kernel);
    const access = new ExclusiveAccess(sysfsDir, view.openers, dependencies);
    const nodes = new DeviceNodes(sysfsDir, dependencies);
    const numbers = new DeviceNumberHistory(log);
    const common = { ...dependencies, settings, control, view, numbers };
    const chosen = chooseNumbers(settings);
    this.devices = settings.pairs ? chosen.flatMap(singlesOf) : chosen;
    const maker = new DeviceMaker({ ...common, nodes });
    const member = {
      settings,
      requests: this.devices.map((device) => loadRequest(device, settings)),
      removeNodes: () => {
        for (const device of this.devices) maker.tryToRemoveStaleNode(device);
      },
    };
    shared.join(member);
    this.#parts = {
      ...{ ...common, access, maker, shared, member },
      module: new ModuleOwnership({ sysfsDir, kernel, log, shared }),
      drift: new ConfigDrift(common),
    };
    this.#scrub =
      initOnAlloc === true ? undefined : new FrameScrub({ initOnAlloc, kernel, access, log });
  }

  /**
   * @throws PluginError if the module isn't loaded and can't be: `module_*`, `modules_disabled`,
   * `card_label_invalid`, … with a remedy; `too_many_devices`.
   */
  async ensure({ recreatable = new Set() }: EnsureOptions = {}): Promise<EnsureReport> {
    this.#scrub?.warnOnce();
    try {
      return await ensureDevices(this.devices, recreatable, this.#parts);
    } finally {
      this.#warnOfDefect();
    }
  }

  /** Warns once of a loaded module with a known defect: another program has loaded it, or it may have the fix. */
  #warnOfDefect(): void {
    const { settings, log, shared } = this.#parts;
    const { kernelRelease } = settings;
    const version = readModuleVersion(settings.sysfsDir);
    const defect = moduleDefect(version, kernelRelease);
    if (defect === undefined || shared.hasWarned) return;
    shared.hasWarned = true;
    log.warn("Module v4l2loopback has a known defect", {
      module_version: version ?? null,
      detail: describeDefect(version, defect, kernelRelease),
      remedy: defect.remedy,
    });
  }

  /** @throws PluginError `sysfs_unreadable`. */
  async inspect({ readOnly = false }: InspectOptions = {}): Promise<DeviceObservation[]> {
    const seen = this.#inspectOnce(readOnly);
    // While the module is being unloaded, its devices lose their attributes first, and look like another driver's.
    return seen.some(({ reason }) => reason === "module_gone") ? this.#inspectOnce(readOnly) : seen;
  }

  #inspectOnce(readOnly: boolean): DeviceObservation[] {
    const { settings, view, numbers } = this.#parts;
    return view.observeAll(this.devices, readOnly).map(({ observation: seen, sysfs }) => {
      const { id, state } = seen;
      numbers.see({ id }, sysfs);
      const observation = { ...seen, ...deviceNumberOf(sysfs) };
      if (state !== "ok") return observation;
      const deadCaps = this.#deadCaps.get(id);
      if (deadCaps !== undefined) return { ...observation, ...faultOf(id, "dead_caps", deadCaps) };
      // udev sets its own mode and group on a new node, some time after its creation.
      return hasNodeAccess(view.nodePath(id), settings)
        ? observation
        : { ...observation, accessLost: true };
    });
  }

  capabilities(): DriverCapabilities {
    return { remove: this.#parts.control.isPresent() };
  }

  /**
   * What does not exist is created through the control device. Without one, only a load of the module creates devices, and
   * whether it can be unloaded and loaded shows only then.
   */
  canFix({ reason, fix }: Pick<DeviceObservation, "reason" | "fix">): boolean {
    if (fix === "none") return false;
    return exists(reason) || this.#parts.control.isUsable();
  }

  /** Describes the module that is loaded, which need not be the one whose file is installed. */
  describe(): DriverDescription {
    const { settings, control } = this.#parts;
    return { moduleVersion: readModuleVersion(settings.sysfsDir), dynamic: control.isPresent() };
  }

  relay(): undefined {}

  async leave(): Promise<void> {}

  /**
   * Opens a device for this process to keep, which does not count as use: as its writer, or its reader.
   * @throws PluginError `device_unknown`; ErrnoError as `openVideoDevice`.
   */
  open(id: string): VideoFile {
    const { kernel, view } = this.#parts;
    const { number } = findDevice(this.devices, id);
    const file = kernel.openVideo(view.nodePath(id));
    const forget = view.openers.holds(number);
    let isOpen = true;
    const close = () => {
      if (!isOpen) return;
      isOpen = false;
      file.close();
      forget();
    };
    return { ...file, close, [Symbol.dispose]: close };
  }

  /**
   * Zeros the buffers that the module has just allocated for a device, where the kernel hands out memory as it was.
   * @throws PluginError `device_unknown`; ErrnoError as `openVideoDevice`.
   */
  clearBuffers(id: string): void {
    if (this.#scrub === undefined) return;
    using file = this.open(id);
    zeroBuffers(file, this.#parts.kernel);
  }

  /** Watches which devices any process opens at this process's nodes: their paths end with the ID. @throws ErrnoError. */
  watchOpens(ids: readonly string[]): OpenWatch {
    const { kernel, view } = this.#parts;
    return kernel.watchOpens(ids.map((id) => view.nodePath(id)));
  }

  /** What /sys shows of a device; undefined if it doesn't exist. @throws PluginError `device_unknown`, `sysfs_unreadable`. */
  look(id: string): SysfsDevice | undefined {
    return this.#parts.view.sysfs(findDevice(this.devices, id));
  }

  /**
   * With a control device, removes the device and adds it again: nothing less removes all that its last user left.
   * Without one, or where it can't be used, cleans the device in place ({@link cleanInPlace}). Creates a device that
   * does not exist.
   * @throws PluginError `device_unknown`, `device_busy`, `device_foreign`, `device_number_taken`,
   * `create_failed`, `remove_failed`, `reset_failed`, `device_dead_caps`, `not_supported`.
   */
  reset(id: string): Promise<void> {
    return this.#change(id, async (device) => {
      const { access, control, maker, view } = this.#parts;
      const found = view.sysfs(device);
      if (control.isUsable()) {
        if (found !== undefined) await this.#scrub?.run(device, this.#opened(device));
        await this.#remove(device);
      } else if (found !== undefined) {
        await access.alone(device, () => this.#cleanInPlace(device));
      }
      await maker.ensure(device, false);
      const { state, detail } = view.observe(device).observation;
      if (state !== "ok") throw new PluginError("reset_failed", `A reset did not help: ${detail}`);
    });
  }

  /**
   * Repairs `dead_caps`, which only versions without a control device have.
   * @throws PluginError `device_unknown`, `device_busy`, `device_foreign`, `device_dead_caps`,
   * `reset_failed`, `not_supported`.
   */
  repair(id: string): Promise<void> {
    return this.#change(id, async (device) => {
      const { access, kernel } = this.#parts;
      const opened = this.#opened(device);
      if (opened.hasControlDevice) {
        throw new PluginError(
          "not_supported",
          `${id} has nothing to repair in place: from v4l2loopback 0.13 on, capabilities don't die.`,
        );
      }
      await access.alone(device, () => repairCaps(opened, kernel));
    });
  }

  /** @throws PluginError `device_unknown`, `device_busy`, `device_foreign`, `remove_failed`, `not_supported`. */
  remove(id: string): Promise<void> {
    return this.#change(id, async (device) => {
      const { control, view } = this.#parts;
      if (view.sysfs(device) === undefined) return;
      if (!control.isUsable()) {
        const reason = control.whyNotUsable();
        throw new PluginError("not_supported", `${id} can't be removed: ${reason}.`);
      }
      await this.#remove(device);
    });
  }

  /**
   * Unloads the module once all drivers of the process have called this.
   * @throws PluginError `unload_failed`.
   */
  async release(): Promise<void> {
    const { control, module, shared, member } = this.#parts;
    await shared.alone(async () => {
      const members = shared.released(member);
      if (members === undefined) return;
      const requests = members.flatMap((each) => each.requests);
      const goWithIt = control.isUsable() ? [] : requests.map(({ number }) => number);
      if (!module.unload(goWithIt)) return;
      for (const each of members) each.removeNodes();
      control.tryToRemoveStaleNode();
    });
  }

  async isOpen(id: string): Promise<boolean | undefined> {
    return this.#parts.access.isOpen(findDevice(this.devices, id));
  }

  async holders(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { view } = this.#parts;
    const devices = ids.flatMap((id) => {
      const device = view.sysfs(findDevice(this.devices, id))?.device;
      return device === undefined ? [] : [{ id, device }];
    });
    const found = await findOtherHolders(devices.map(({ device }) => device));
    return new Map(
      devices.map(({ id, device }) => [id, describeHolders(found.get(formatDevice(device)) ?? [])]),
    );
  }

  /**
   * Watches for nodes that appear and disappear in the device directory, and for the kernel's uevents. A container may
   * not receive uevents; where it does, they come without the host's /dev as well. A writer's mark shows in neither:
   * the caller's timer finds it.
   */
  watch(notify: () => void, signal: AbortSignal): void {
    const { clock, kernel, log, settings } = this.#parts;
    const names = new Set([loopbackModule, ...this.devices.map((device) => device.id)]);
    const isOurs = (name: string) => names.has(name);
    watchDirectory(settings.deviceDir, isOurs, notify, signal, clock);
    const uevents = {
      open: () => kernel.openUevents(),
      matches: ({ action, path }: Uevent) =>
        (action === "add" || action === "remove") &&
        (path === `/module/${loopbackModule}` ||
          (/\/video4linux\//.test(path) && isOurs(basename(path)))),
      onUnavailable: (reason: unknown) =>
        log.debug("No uevents here", PluginError.from(reason).fields()),
    };
    void watchUevents({ ...uevents, notify, clock }, signal);
  }

  /** Runs what changes a device, after what an interrupted run may have left was put right. */
  async #change(id: string, act: (device: DriverDevice) => Promise<void>): Promise<void> {
    const device = findDevice(this.devices, id);
    await this.#parts.shared.alone(() => this.#changeAlone(device, act));
  }

  async #changeAlone(
    device: DriverDevice,
    act: (device: DriverDevice) => Promise<void>,
  ): Promise<void> {
    const { access, control, maker } = this.#parts;
    const { id } = device;
    maker.refuseForeign(device);
    access.unlockLeftOver(device);
    await control.ensureNode(oldNodePatienceMs);
    try {
      await act(device);
      this.#deadCaps.delete(id);
    } catch (error) {
      const { code, message } = PluginError.from(error);
      if (code === "device_dead_caps") this.#deadCaps.set(id, message);
      throw error;
    }
  }

  /** Removes the device, which no process can open meanwhile, where /sys can be written to. */
  async #remove(device: DriverDevice): Promise<void> {
    const { access, control, view } = this.#parts;
    await access.locked(device, async () => {
      await control.remove(device.number);
      if (view.sysfs(device) === undefined) return;
      throw new PluginError(
        "remove_failed",
        `${device.id} still exists after v4l2loopback reported its removal.`,
        { remedy: "Unload v4l2loopback when no device is in use (rmmod v4l2loopback)." },
      );
    });
  }

  #cleanInPlace(device: DriverDevice): void {
    const { kernel } = this.#parts;
    const opened = this.#opened(device);
    // From 0.14 on a device that stays keeps its timeout image, whether the kernel clears memory or not.
    if (opened.hasControlDevice || this.#scrub !== undefined) overwriteLeftFrames(opened, kernel);
    cleanInPlace(opened, kernel);
  }

  #opened(device: DriverDevice): OpenedDevice {
    const { id } = device;
    const role = roleOf(device);
    const { settings, view } = this.#parts;
    const hasControlDevice = readControlDevice(settings.sysfsDir) !== undefined;
    const version = readModuleVersion(settings.sysfsDir);
    const { maxBuffers } = parametersOf(role, settings, version);
    return { id, path: view.nodePath(id), maxBuffers, hasControlDevice };
  }
}

/** True if a device of this reason exists, whatever it lacks. */
function exists(reason: string): boolean {
  return !["missing", "module_gone", "wrong_number"].includes(reason);
}

function deviceNumberOf(
  sysfs: SysfsDevice | undefined,
): Pick<DeviceObservation, "deviceNumber"> | undefined {
  if (!sysfs?.loopback || sysfs.device === undefined) return undefined;
  return { deviceNumber: formatDevice(sysfs.device) };
}
