import { join } from "node:path";
import type { Clock } from "../../common/clock.ts";
import { Mutex } from "../../common/mutex.ts";
import { PluginError } from "../../common/plugin-error.ts";
import { watchDirectory } from "../../common/watch-directory.ts";
import { formatDevice } from "../../linux/device-number.ts";
import type { Logger } from "../../observe/logger.ts";
import { driverDevices } from "../device-ids.ts";
import type {
  DeviceObservation,
  DriverCapabilities,
  DriverDevice,
  EnsureFailure,
  EnsureReport,
  VideoDriver,
} from "../driver.ts";
import { applyNodeAccess } from "../node-access.ts";
import { mismatches } from "./adopted-device.ts";
import { ControlDevice } from "./control-device.ts";
import { findModule, MODULE } from "./find-module.ts";
import type { LoopbackKernel } from "./kernel.ts";
import { loadModule } from "./load-module.ts";
import type { LoopbackSettings } from "./loopback-settings.ts";
import { type Judgement, judge } from "./observe.ts";
import { moduleParameters } from "./parameters.ts";
import { loopbackNumbers, moduleState, readControlDevice, readSysfs } from "./sysfs.ts";

export interface LoopbackDependencies {
  readonly log: Logger;
  readonly kernel: LoopbackKernel;
  readonly clock: Clock;
}

/** How long, in ms, a new device's node and attributes may take: devtmpfs and udev are not instant. */
export const NODE_PATIENCE_MS = 1000;
const NODE_PAUSE_MS = 20;

/** The same for a device that has been there all along: somebody may just be making its node. */
const OLD_NODE_PATIENCE_MS = 60;

/** How long, in ms, a module that is being unloaded may take; 100 ms were seen. */
const UNLOAD_PATIENCE_MS = 2000;

/** VIDEO_NUM_DEVICES - 1, drivers/media/v4l2-core/v4l2-dev.c: a higher number becomes a free one. */
const MAX_DEVICE_NUMBER = 255;

/** VIDEO_MAJOR, include/media/v4l2-dev.h. */
const VIDEO_MAJOR = 81;

/**
 * v4l2loopback cameras. Two ways to them: parameters when the module is loaded, which every version has,
 * and from 0.13 on a control device that adds and removes single ones. What was asked for is never
 * believed: the kernel gives other numbers, and drops parameters, without an error. So /sys is read after
 * every step.
 */
export class LoopbackDriver implements VideoDriver {
  readonly name = "v4l2loopback";
  readonly devices: readonly DriverDevice[];
  private readonly settings: LoopbackSettings;
  private readonly log: Logger;
  private readonly kernel: LoopbackKernel;
  private readonly clock: Clock;
  private readonly control: ControlDevice;
  /** One at a time: a device re-created takes the lowest free minor, which must be its own old one. */
  private readonly changes = new Mutex();
  private readonly told = new Set<string>();

  constructor(settings: LoopbackSettings, { log, kernel, clock }: LoopbackDependencies) {
    this.settings = settings;
    this.log = log;
    this.kernel = kernel;
    this.clock = clock;
    this.control = new ControlDevice(settings, kernel, clock);
    this.devices = driverDevices(
      settings.firstDeviceNumber,
      settings.maxDevices,
      (id) => `/dev/${id}`,
    );
  }

  /**
   * @throws PluginError if the module isn't loaded and can't be: `module_*`, `modules_disabled`,
   * `card_label_invalid`, … with a remedy.
   */
  ensure(): Promise<EnsureReport> {
    return this.changes.run(async () => {
      const before = new Map(this.devices.map((device) => [device.id, this.judge(device).state]));
      let loadedAt: number | undefined;
      // What is there before a load is not new, and need not be waited for.
      let old: ReadonlySet<number> = new Set();
      if (!this.isLoaded()) {
        await this.unloaded();
        old = this.taken();
        await this.load(old);
        loadedAt = this.clock.now();
      }
      const created: string[] = [];
      const adopted: string[] = [];
      const failed: EnsureFailure[] = [];
      for (const device of this.devices) {
        try {
          const settledBy =
            loadedAt === undefined || old.has(device.number) ? 0 : loadedAt + NODE_PATIENCE_MS;
          await this.ensureDevice(device, settledBy);
          const list = before.get(device.id) === "ok" ? adopted : created;
          list.push(device.id);
        } catch (error) {
          failed.push({ id: device.id, error: PluginError.from(error) });
        }
      }
      return { created, adopted, failed };
    });
  }

  /** @throws PluginError `sysfs_unreadable`. */
  async inspect(): Promise<DeviceObservation[]> {
    return this.devices.map((device) => ({ id: device.id, ...this.judge(device) }));
  }

  capabilities(): DriverCapabilities {
    const control = this.control.isPresent();
    return { create: control, reset: control };
  }

  /**
   * Removes the device and adds it again, which is the only way to lose all that its last user left.
   * @throws PluginError `device_unknown`, `not_supported` before v4l2loopback 0.13, `device_busy`,
   * `device_foreign`, `device_number_taken`, `create_failed`, `remove_failed`.
   */
  reset(id: string): Promise<void> {
    return this.changes.run(async () => {
      const device = this.devices.find((candidate) => candidate.id === id);
      if (device === undefined) {
        throw new PluginError("device_unknown", `${id} is none of this driver's devices.`);
      }
      if (!this.control.isPresent()) {
        throw new PluginError("not_supported", `${id} can't be reset: ${this.whyNoControl()}.`);
      }
      this.refuseForeign(device);
      await this.control.remove(device.number);
      if (this.sysfsDevice(device) !== undefined) {
        throw new PluginError(
          "remove_failed",
          `${id} is still there after v4l2loopback said it was removed.`,
          { remedy: "Unload v4l2loopback when no device is in use (rmmod v4l2loopback)." },
        );
      }
      await this.ensureDevice(device, 0);
    });
  }

  watch(nudge: () => void, signal: AbortSignal): void {
    const names = new Set([MODULE, ...this.devices.map((device) => device.id)]);
    const isOurs = (name: string) => names.has(name);
    watchDirectory(this.settings.deviceDir, isOurs, nudge, signal, this.clock);
  }

  private nodePath(device: DriverDevice): string {
    return join(this.settings.deviceDir, device.id);
  }

  private isLoaded(): boolean {
    return readSysfs(this.settings.sysfsDir, []).moduleLoaded;
  }

  private sysfsDevice({ number }: DriverDevice) {
    return readSysfs(this.settings.sysfsDir, [number]).devices.get(number);
  }

  private judge(device: DriverDevice): Judgement {
    const { moduleLoaded, devices } = readSysfs(this.settings.sysfsDir, [device.number]);
    const nodePath = this.nodePath(device);
    const node = this.kernel.lookAt(nodePath);
    return judge(device, { moduleLoaded, sysfs: devices.get(device.number), node, nodePath });
  }

  /** Our numbers under which there is a device, whosever. */
  private taken(): ReadonlySet<number> {
    const numbers = this.devices.map(({ number }) => number);
    return new Set(readSysfs(this.settings.sysfsDir, numbers).devices.keys());
  }

  /** Waits for an unloading that is under way: until its end the kernel refuses to load. */
  private async unloaded(): Promise<void> {
    const deadline = this.clock.now() + UNLOAD_PATIENCE_MS;
    while (moduleState(this.settings.sysfsDir) === "going" && this.clock.now() < deadline) {
      await this.clock.sleep(NODE_PAUSE_MS);
    }
  }

  /** Loads the module with the devices whose number is free: one that isn't would shift those after it. */
  private async load(taken: ReadonlySet<number>): Promise<void> {
    const { sysfsDir, modulesDir, kernelRelease } = this.settings;
    const numbers = this.devices
      .map(({ number }) => number)
      .filter((number) => !taken.has(number) && number <= MAX_DEVICE_NUMBER);
    if (numbers.length === 0) return;
    const params = moduleParameters(numbers, this.settings);
    const files = findModule(modulesDir, kernelRelease);
    for (const device of this.devices) {
      if (numbers.includes(device.number)) this.removeStaleNode(device);
    }
    const outcome = await loadModule(
      { files, params, kernelRelease, sysfsDir },
      this.kernel,
      this.clock,
    );
    if (!this.isLoaded()) {
      throw new PluginError(
        "module_load_failed",
        `The kernel took ${files.at(-1)} without an error, but there is no ${sysfsDir}/module/${MODULE}.`,
        { remedy: "See the kernel's log on the host: dmesg | tail" },
      );
    }
    const wanted = new Set(this.devices.map(({ number }) => number));
    const others = loopbackNumbers(sysfsDir).filter((number) => !wanted.has(number));
    this.log.info("v4l2loopback is loaded", {
      module_path: files.at(-1),
      module_params: params,
      loaded_by: outcome === "loaded" ? "plugin" : "somebody else",
      ...(others.length === 0 ? {} : { other_device_numbers: others }),
    });
  }

  /** `settledBy`: until then a device that looks wrong may only be unfinished, for it is new. */
  private async ensureDevice(device: DriverDevice, settledBy: number): Promise<void> {
    const found = this.sysfsDevice(device);
    if (found === undefined) {
      await this.create(device);
      await this.settle(device, this.clock.now() + NODE_PATIENCE_MS);
    } else {
      await this.settle(device, settledBy);
    }
    this.refuseForeign(device);
    await this.ensureNode(device);
    const { state, detail } = this.judge(device);
    if (state !== "ok") {
      throw new PluginError(`device_${state}`, detail, {
        remedy: `See what ${this.nodePath(device)} is, and remove it if nobody needs it.`,
      });
    }
    applyNodeAccess(this.nodePath(device), this.settings);
    if (found !== undefined) this.tellMismatches(device);
  }

  /** Waits for a device to become ok, until `deadline`: its attributes come some ms after itself. */
  private async settle(device: DriverDevice, deadline: number): Promise<void> {
    while (this.judge(device).state !== "ok" && this.clock.now() < deadline) {
      await this.clock.sleep(NODE_PAUSE_MS);
    }
  }

  private refuseForeign(device: DriverDevice): void {
    const found = this.sysfsDevice(device);
    if (found === undefined || found.loopback) return;
    throw new PluginError("device_foreign", `${this.judge(device).detail} It was left alone.`, {
      remedy: "Choose device numbers that nothing else uses; see /sys/class/video4linux.",
    });
  }

  private async create(device: DriverDevice): Promise<void> {
    if (!this.control.isPresent()) {
      throw new PluginError(
        "not_supported",
        `v4l2loopback is loaded without ${device.id}, which can't be added: ${this.whyNoControl()}.`,
        {
          remedy:
            "When no device is in use, unload the module on the host (rmmod v4l2loopback): this program then loads it with all devices.",
        },
      );
    }
    this.removeStaleNode(device);
    await this.control.add(device.number, this.settings);
  }

  /**
   * Without a device of its own number, a video node of its name is stale, and may by now be another device
   * altogether. devtmpfs would not put a new node in its place.
   */
  private removeStaleNode(device: DriverDevice): void {
    const path = this.nodePath(device);
    const node = this.kernel.lookAt(path);
    if (node.kind !== "character_device" || node.device.major !== VIDEO_MAJOR) return;
    const own = this.sysfsDevice(device)?.device;
    if (own !== undefined && formatDevice(own) === formatDevice(node.device)) return;
    this.kernel.removeNode(path);
    this.log.warn("a stale device node was removed", {
      device_id: device.id,
      device_path: path,
      stale_device: formatDevice(node.device),
    });
  }

  private whyNoControl(): string {
    return readControlDevice(this.settings.sysfsDir) === undefined
      ? "only v4l2loopback 0.13 and later have a control device"
      : `${this.control.path} is not there, although the module has a control device (is the host's /dev mounted there?)`;
  }

  /**
   * Makes the node if nobody else does: it was deleted, or there is no devtmpfs. The kernel is given its
   * time first, as devtmpfs makes no node where one is.
   */
  private async ensureNode(device: DriverDevice): Promise<void> {
    const path = this.nodePath(device);
    const isAbsent = () => this.kernel.lookAt(path).kind === "absent";
    this.removeStaleNode(device);
    if (isAbsent()) await this.settle(device, this.clock.now() + OLD_NODE_PATIENCE_MS);
    const number = this.sysfsDevice(device)?.device;
    if (!isAbsent() || number === undefined) return;
    this.kernel.makeNode(path, number);
    this.log.warn("a device node was not there and has been made", {
      device_id: device.id,
      device_path: path,
    });
  }

  private tellMismatches(device: DriverDevice): void {
    const found = this.sysfsDevice(device);
    if (found === undefined) return;
    for (const { msg, fields } of mismatches(found, this.settings, this.settings.sysfsDir)) {
      const once = JSON.stringify([msg, fields]);
      if (this.told.has(once)) continue;
      this.told.add(once);
      this.log.warn(msg, fields);
    }
  }
}
