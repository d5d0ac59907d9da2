import { basename } from "node:path";
import type { Clock } from "../../common/clock.ts";
import type { Logger } from "../../common/logger.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { watchDirectory } from "../../common/watch-directory.ts";
import { type Uevent, watchUevents } from "../../linux/uevents.ts";
import { hasNodeAccess } from "../../v4l2/node-access.ts";
import type {
  DeviceObservation,
  DriverCapabilities,
  DriverDescription,
  DriverDevice,
  EnsureOptions,
  EnsureReport,
  VideoDriver,
} from "../driver.ts";
import { cleanInPlace, overwriteLeftFrames, repairCaps } from "./cleaning/clean-in-place.ts";
import { ExclusiveAccess } from "./cleaning/exclusive-access.ts";
import { FrameScrub } from "./cleaning/frame-scrub.ts";
import { MaxOpeners } from "./cleaning/max-openers.ts";
import { chooseNumbers } from "./device/choose-numbers.ts";
import { ControlDevice } from "./device/control-device.ts";
import { DeviceMaker } from "./device/device-maker.ts";
import { DeviceNumberHistory } from "./device/device-number-history.ts";
import { faultOf, loopbackReasons } from "./device/device-state.ts";
import { ensureDevices } from "./device/ensure-devices.ts";
import { LoopbackView } from "./device/loopback-view.ts";
import { readControlDevice, readModuleVersion } from "./device/sysfs.ts";
import type { LoopbackKernel } from "./kernel.ts";
import type { LoopbackSettings } from "./loopback-settings.ts";
import { MODULE } from "./module/find-module.ts";
import { ModuleOwnership } from "./module/module-ownership.ts";
import { ControlNode } from "./node/control-node.ts";
import { DeviceNodes, OLD_NODE_PATIENCE_MS } from "./node/device-nodes.ts";

export interface LoopbackDependencies {
  readonly log: Logger;
  readonly kernel: LoopbackKernel;
  readonly clock: Clock;
}

/**
 * v4l2loopback cameras. Two ways to them: parameters when the module is loaded, which every version has,
 * and from 0.13 on a control device that adds and removes single ones. What was asked for is never
 * believed: the kernel gives other numbers, and drops parameters, without an error. So /sys is read after
 * every step.
 *
 * Whatever it does may be cut short at any point by a kill; the next `ensure` puts that right.
 */
export class LoopbackDriver implements VideoDriver {
  readonly name = "v4l2loopback";
  readonly reasons = loopbackReasons;
  readonly devices: readonly DriverDevice[];
  private readonly settings: LoopbackSettings;
  private readonly dependencies: LoopbackDependencies;
  private readonly control: ControlDevice;
  private readonly controlNode: ControlNode;
  private readonly access: ExclusiveAccess;
  private readonly view: LoopbackView;
  private readonly maker: DeviceMaker;
  private readonly memory: FrameScrub;
  private readonly module: ModuleOwnership;
  private readonly numbers: DeviceNumberHistory;
  /** Devices that were opened and found dead; nothing in /sys shows it. */
  private readonly dead = new Map<string, string>();

  /** @throws PluginError `device_numbers_exhausted`. */
  constructor(settings: LoopbackSettings, dependencies: LoopbackDependencies) {
    const { kernel, clock } = dependencies;
    this.settings = settings;
    this.dependencies = dependencies;
    const { sysfsDir, initOnAlloc } = settings;
    const nodes = new DeviceNodes(sysfsDir, dependencies);
    const control = new ControlDevice(settings, kernel, clock);
    const controlNode = new ControlNode({ sysfsDir, control, nodes, clock });
    const openers = new MaxOpeners(sysfsDir, kernel);
    const view = new LoopbackView(settings, kernel, openers);
    this.control = control;
    this.controlNode = controlNode;
    this.view = view;
    this.access = new ExclusiveAccess(openers, view, dependencies);
    this.maker = new DeviceMaker(settings, dependencies, { control, controlNode, view, nodes });
    this.memory = new FrameScrub({ ...dependencies, initOnAlloc, access: this.access });
    this.numbers = new DeviceNumberHistory(dependencies.log);
    this.module = new ModuleOwnership({ ...dependencies, sysfsDir });
    this.devices = chooseNumbers(settings);
  }

  /**
   * @throws PluginError if the module isn't loaded and can't be: `module_*`, `modules_disabled`,
   * `card_label_invalid`, … with a remedy; `too_many_devices`.
   */
  async ensure({ recreatable = new Set() }: EnsureOptions = {}): Promise<EnsureReport> {
    this.memory.tellOfLeak();
    const { settings, control, controlNode, view, maker, access, module, numbers } = this;
    return ensureDevices(this.devices, recreatable, {
      ...this.dependencies,
      ...{ settings, control, controlNode, view, maker, access, module, numbers },
    });
  }

  /** @throws PluginError `sysfs_unreadable`. */
  async inspect(): Promise<DeviceObservation[]> {
    const seen = this.lookAtAll();
    // The module went while its devices were looked at: those that were seen before it did are gone as well.
    return seen.some(({ reason }) => reason === "module_gone") ? this.lookAtAll() : seen;
  }

  private lookAtAll(): DeviceObservation[] {
    return this.devices.map((device) => {
      const { id } = device;
      const seen = this.view.observe(device);
      this.noteNumber(device);
      const dead = this.dead.get(id);
      if (seen.state !== "ok") return seen;
      if (dead !== undefined) return faultOf(id, "dead_caps", dead);
      // udev gives a new node its own idea of mode and group, whenever it gets to it.
      const kept = hasNodeAccess(this.view.nodePath(device), this.settings);
      const format = this.view.format(device);
      return {
        ...seen,
        ...(kept ? {} : { accessLost: true }),
        ...(format !== undefined && { format }),
      };
    });
  }

  capabilities(): DriverCapabilities {
    return { remove: this.control.isPresent() };
  }

  /** Of the module that is loaded, which need not be the one whose file is there. */
  describe(): DriverDescription {
    const moduleVersion = readModuleVersion(this.settings.sysfsDir);
    return { moduleVersion, dynamic: this.control.isPresent() };
  }

  /**
   * With a control device: removes the device and adds it again, which is the only way to lose all that its
   * last user left. Without one, or where it can't be used: {@link cleanInPlace}. A device that isn't there is made.
   * @throws PluginError `device_unknown`, `device_busy`, `device_foreign`, `device_number_taken`,
   * `create_failed`, `remove_failed`, `reset_failed`, `device_dead_caps`, `not_supported`.
   */
  reset(id: string): Promise<void> {
    return this.change(id, async (device) => {
      if (this.control.isUsable()) {
        this.noteNumber(device);
        if (this.view.sysfsDevice(device) !== undefined) {
          await this.memory.overwriteLeft(device, this.cared(device));
        }
        await this.removeDevice(device);
        await this.maker.ensure(device, false);
        this.noteNumber(device);
      } else if (this.view.sysfsDevice(device) === undefined) {
        await this.maker.ensure(device, false);
      } else {
        await this.access.alone(device, () => this.cleanInPlace(device));
        await this.maker.ensure(device, false);
      }
      const { state, detail } = this.view.observe(device);
      if (state !== "ok") throw new PluginError("reset_failed", `A reset did not help: ${detail}`);
    });
  }

  /**
   * Mends `dead_caps`, which only versions without a control device know.
   * @throws PluginError `device_unknown`, `device_busy`, `device_foreign`, `device_dead_caps`,
   * `reset_failed`, `not_supported`.
   */
  repair(id: string): Promise<void> {
    return this.change(id, async (device) => {
      if (readControlDevice(this.settings.sysfsDir) !== undefined) {
        throw new PluginError(
          "not_supported",
          `There is nothing to repair in place of ${id}: from v4l2loopback 0.13 on, capabilities don't die.`,
        );
      }
      await this.access.alone(device, () =>
        repairCaps(this.cared(device), this.dependencies.kernel),
      );
    });
  }

  /** @throws PluginError `device_unknown`, `device_busy`, `device_foreign`, `remove_failed`, `not_supported`. */
  remove(id: string): Promise<void> {
    return this.change(id, async (device) => {
      if (this.view.sysfsDevice(device) === undefined) return;
      if (!this.control.isUsable()) {
        throw new PluginError(
          "not_supported",
          `${id} can't be removed: ${this.controlNode.whyNoControl()}.`,
        );
      }
      await this.removeDevice(device);
    });
  }

  /** @throws PluginError `unload_failed`. */
  async release(): Promise<void> {
    const goWithIt = this.control.isUsable() ? [] : this.devices.map(({ number }) => number);
    if (!this.module.unload(goWithIt)) return;
    for (const device of this.devices) this.maker.tryToRemoveStaleNode(device);
    this.controlNode.tryToRemoveStale();
  }

  async isOpen(id: string): Promise<boolean | undefined> {
    return this.access.isOpen(this.find(id));
  }

  /**
   * Nodes that come and go in the device directory, and where this process hears of them the kernel's uevents,
   * which are there without a /dev of the host as well. What neither shows (a writer's mark) is for the
   * caller's timer.
   */
  watch(notify: () => void, signal: AbortSignal): void {
    const names = new Set([MODULE, ...this.devices.map((device) => device.id)]);
    const isOurs = (name: string) => names.has(name);
    const { clock, kernel, log } = this.dependencies;
    watchDirectory(this.settings.deviceDir, isOurs, notify, signal, clock);
    const uevents = {
      open: () => kernel.openUevents(),
      matches: ({ action, path }: Uevent) =>
        (action === "add" || action === "remove") &&
        (path === `/module/${MODULE}` || (/\/video4linux\//.test(path) && isOurs(basename(path)))),
      onUnavailable: (reason: unknown) =>
        log.debug("There are no uevents here", PluginError.from(reason).fields()),
    };
    void watchUevents({ ...uevents, notify, clock }, signal);
  }

  private find(id: string): DriverDevice {
    const device = this.devices.find((candidate) => candidate.id === id);
    if (device !== undefined) return device;
    throw new PluginError("device_unknown", `${id} is none of this driver's devices.`);
  }

  private async change(id: string, act: (device: DriverDevice) => Promise<void>): Promise<void> {
    const device = this.find(id);
    this.maker.refuseForeign(device);
    this.access.liftLeftOver(device);
    await this.controlNode.provide(OLD_NODE_PATIENCE_MS);
    try {
      await act(device);
      this.dead.delete(id);
    } catch (error) {
      const { code, message } = PluginError.from(error);
      if (code === "device_dead_caps") this.dead.set(id, message);
      throw error;
    }
  }

  /** Keeps everybody out, where /sys can be written to, and removes the device. */
  private async removeDevice(device: DriverDevice): Promise<void> {
    await this.access.withNobody(device, async () => {
      await this.control.remove(device.number);
      if (this.view.sysfsDevice(device) === undefined) return;
      throw new PluginError(
        "remove_failed",
        `${device.id} is still there after v4l2loopback said it was removed.`,
        { remedy: "Unload v4l2loopback when no device is in use (rmmod v4l2loopback)." },
      );
    });
  }

  /** A device that stays keeps its timeout image from 0.14 on, whatever the kernel does about memory. */
  private cleanInPlace(device: DriverDevice): void {
    const { kernel } = this.dependencies;
    const cared = this.cared(device);
    if (cared.hasControlDevice || this.memory.leaks) overwriteLeftFrames(cared, kernel);
    cleanInPlace(cared, kernel);
  }

  private cared(device: DriverDevice) {
    const { maxBuffers, sysfsDir } = this.settings;
    const hasControlDevice = readControlDevice(sysfsDir) !== undefined;
    return { id: device.id, path: this.view.nodePath(device), maxBuffers, hasControlDevice };
  }

  private noteNumber(device: DriverDevice): void {
    this.numbers.see(device, this.view.deviceNumber(device));
  }
}
