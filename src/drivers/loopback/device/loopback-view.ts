import { join } from "node:path";
import type { DriverDevice } from "../../driver.ts";
import { MaxOpeners } from "../cleaning/exclusive-access.ts";
import type { LoopbackKernel } from "../kernel.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import { type DeviceFacts, deviceState, type LoopbackObservation } from "./device-state.ts";
import {
  loopbackNumbers,
  moduleState,
  readControlDevice,
  readModuleParameter,
  readSysfsDevice,
  type SysfsDevice,
} from "./sysfs.ts";

/** Where to look for the module and its devices, and whether looking may write. */
export type ViewSettings = Pick<LoopbackSettings, "deviceDir" | "sysfsDir" | "readOnly">;

/** What identifies a device. */
export type DeviceName = Pick<DriverDevice, "id" | "number">;

/** A device's state, and what /sys showed of it. */
export interface Observed {
  readonly observation: LoopbackObservation;
  /** Undefined if there is no such device. */
  readonly sysfs: SysfsDevice | undefined;
}

type SeenDevice = DeviceName & Pick<DeviceFacts, "sysfs" | "node" | "nodePath">;

interface SeenModule {
  readonly isLoaded: boolean;
  /** The numbers that it was loaded for. */
  readonly asked?: readonly number[];
  /** The first number that it used instead of one of those: the kernel does so where one is taken, without an error. */
  readonly shiftedTo?: number | undefined;
}

/** Observes devices without opening one. */
export class LoopbackView {
  readonly openers: MaxOpeners;
  readonly #settings: ViewSettings;
  readonly #kernel: LoopbackKernel;

  constructor(settings: ViewSettings, kernel: LoopbackKernel) {
    this.#settings = settings;
    this.#kernel = kernel;
    this.openers = new MaxOpeners(settings, kernel);
  }

  nodePath(id: string): string {
    return join(this.#settings.deviceDir, id);
  }

  /** @throws PluginError `sysfs_unreadable`. */
  sysfs({ number }: Pick<DriverDevice, "number">): SysfsDevice | undefined {
    return readSysfsDevice(this.#settings.sysfsDir, number);
  }

  /** @throws PluginError `sysfs_unreadable`. */
  observe(device: DeviceName): Observed {
    const seen = this.#look(device);
    return this.#judge(seen, this.#lookAtModule([seen]));
  }

  /** Observes several devices at one moment. @throws PluginError `sysfs_unreadable`. */
  observeAll(devices: readonly DeviceName[]): readonly Observed[] {
    const seen = devices.map((device) => this.#look(device));
    // After the devices, so that none counts as missing because the module was just unloaded.
    const module = this.#lookAtModule(seen);
    return seen.map((device) => this.#judge(device, module));
  }

  #look(device: DeviceName): SeenDevice {
    const sysfs = this.sysfs(device);
    const nodePath = this.nodePath(device.id);
    return { ...device, sysfs, nodePath, node: this.#kernel.lookAt(nodePath) };
  }

  #lookAtModule(devices: readonly SeenDevice[]): SeenModule {
    const { sysfsDir } = this.#settings;
    const isLoaded = moduleState(sysfsDir) === "live";
    const isComplete = devices.every(({ sysfs }) => sysfs !== undefined);
    // With a control device devices come and go, whatever the module was loaded with.
    if (!isLoaded || isComplete || readControlDevice(sysfsDir) !== undefined) return { isLoaded };
    const asked = (readModuleParameter(sysfsDir, "video_nr") ?? []).map(Number);
    const shiftedTo = loopbackNumbers(sysfsDir).find((found) => !asked.includes(found));
    return { isLoaded, asked, shiftedTo };
  }

  #judge(device: SeenDevice, module: SeenModule): Observed {
    const { id, number, sysfs } = device;
    const moduleLoaded = module.isLoaded;
    const shiftedTo = module.asked?.includes(number) ? module.shiftedTo : undefined;
    const facts = { ...device, moduleLoaded, shiftedTo };
    if (!sysfs?.loopback) return { observation: deviceState(id, facts), sysfs };
    const locked = this.openers.isLeftLocked(sysfs);
    if (!sysfs.writing) return { observation: deviceState(id, { ...facts, locked }), sysfs };
    const isOpen = this.openers.isOpen(number);
    // The mark goes with the last close, so one that was seen before that close proves nothing.
    const now = this.sysfs(device);
    return { observation: deviceState(id, { ...facts, locked, isOpen, sysfs: now }), sysfs: now };
  }
}
