import { join } from "node:path";
import type { DeviceNumber } from "../../../linux/device-number.ts";
import type { DeviceObservation, DriverDevice } from "../../driver.ts";
import type { MaxOpeners } from "../cleaning/max-openers.ts";
import type { LoopbackKernel } from "../kernel.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import { deviceState } from "./device-state.ts";
import { streamFormat } from "./stream-format.ts";
import {
  loopbackNumbers,
  readControlDevice,
  readFormat,
  readModuleParameter,
  readSysfs,
  type SysfsDevice,
} from "./sysfs.ts";

/** Where the module and its devices are looked for. */
export type ViewSettings = Pick<LoopbackSettings, "deviceDir" | "sysfsDir">;

/** What a device goes by. */
export type DeviceName = Pick<DriverDevice, "id" | "number">;

/** What can be seen of the module and its devices without opening one. */
export class LoopbackView {
  private readonly settings: ViewSettings;
  private readonly kernel: LoopbackKernel;
  private readonly openers: MaxOpeners;

  constructor(settings: ViewSettings, kernel: LoopbackKernel, openers: MaxOpeners) {
    this.settings = settings;
    this.kernel = kernel;
    this.openers = openers;
  }

  nodePath({ id }: Pick<DriverDevice, "id">): string {
    return join(this.settings.deviceDir, id);
  }

  sysfsDevice({ number }: Pick<DriverDevice, "number">): SysfsDevice | undefined {
    return readSysfs(this.settings.sysfsDir, [number]).devices.get(number);
  }

  /** The number of a loopback device's node; undefined if there is no such device, or it doesn't tell. */
  deviceNumber(device: DriverDevice): DeviceNumber | undefined {
    const found = this.sysfsDevice(device);
    return found?.loopback ? found.device : undefined;
  }

  /**
   * What is being streamed; undefined if nobody streams, or the module says nothing that could be read.
   * @throws PluginError `sysfs_unreadable`.
   */
  format(device: DriverDevice): string | undefined {
    const format = streamFormat(readFormat(this.settings.sysfsDir, device.number));
    if (format === undefined) return undefined;
    const sysfs = this.sysfsDevice(device);
    return sysfs?.loopback && sysfs.writing ? format : undefined;
  }

  /** @throws PluginError `sysfs_unreadable`. */
  observe({ id, number }: DeviceName): DeviceObservation {
    const { moduleLoaded, devices } = readSysfs(this.settings.sysfsDir, [number]);
    const sysfs = devices.get(number);
    const nodePath = this.nodePath({ id });
    const node = this.kernel.lookAt(nodePath);
    const common = { moduleLoaded, node, nodePath };
    if (sysfs === undefined) {
      const shiftedTo = moduleLoaded ? this.shiftedTo(number) : undefined;
      return deviceState(id, { ...common, sysfs, shiftedTo });
    }
    const locked = this.openers.isLeftOver(number);
    if (!sysfs.loopback || !sysfs.writing) return deviceState(id, { ...common, sysfs, locked });
    const isOpen = this.openers.isOpen(number);
    // The mark goes with the last close, so a mark seen before that close says nothing.
    return deviceState(id, { ...common, sysfs: this.sysfsDevice({ number }), locked, isOpen });
  }

  /**
   * The kernel gives another number where one is taken, and `video_nr` goes on saying the first. Not told
   * where there is a control device, as there devices come and go whatever the module was loaded with.
   */
  private shiftedTo(number: number): number | undefined {
    const { sysfsDir } = this.settings;
    if (readControlDevice(sysfsDir) !== undefined) return undefined;
    const asked = (readModuleParameter(sysfsDir, "video_nr") ?? []).map(Number);
    if (!asked.includes(number)) return undefined;
    return loopbackNumbers(sysfsDir).find((found) => !asked.includes(found));
  }
}
