import { statSync } from "node:fs";
import { systemClock } from "../../common/clock.ts";
import { silentLogger } from "../../common/logger.ts";
import type { DeviceNumber } from "../../linux/device-number.ts";
import { linuxCalls } from "../../linux/linux-calls.ts";
import { deviceId } from "../../v4l2/device-ids.ts";
import { MaxOpeners } from "./cleaning/exclusive-access.ts";
import { deviceParameters, type KnownParameters } from "./device/config-drift.ts";
import { ControlDevice } from "./device/control-device.ts";
import { LoopbackView } from "./device/device-state.ts";
import {
  moduleState,
  readModuleVersion,
  readSysfsDevice,
  readVideoDevices,
} from "./device/sysfs.ts";
import { type LoopbackKernel, linuxKernel } from "./kernel.ts";
import type { LoopbackSettings } from "./loopback-settings.ts";
import { loopbackModule } from "./module/find-module.ts";

type Places = Pick<LoopbackSettings, "deviceDir" | "sysfsDir">;

/** A video device of any driver, as it is. */
export interface VideoDevice {
  readonly id: string;
  readonly number: number;
  readonly label: string;
  /** `v4l2loopback`, or the name of another driver; undefined if /sys doesn't have it. */
  readonly driver: string | undefined;
  /** `ok`, or why a loopback device is not. */
  readonly reason: string;
  /** One sentence; empty if it is `ok`. */
  readonly detail: string;
  /** True if a program writes to the loopback device. */
  readonly streaming: boolean;
  /** `YUYV:640x480@30`; empty if none is set. */
  readonly format: string;
  readonly device: DeviceNumber | undefined;
  readonly path: string;
  /** Permission bits; undefined if there is no node. */
  readonly mode: number | undefined;
}

/** Lists all video devices without opening one. @throws PluginError `sysfs_unreadable`. */
export function listVideoDevices(
  places: Places,
  kernel: LoopbackKernel = linuxKernel(linuxCalls()),
): VideoDevice[] {
  const view = new LoopbackView(places, kernel);
  return readVideoDevices(places.sysfsDir).map(({ number, name: label, device, ...sysfs }) => {
    const id = deviceId(number);
    const path = view.nodePath(id);
    const seen = sysfs.loopback ? view.observe({ id, number }).observation : undefined;
    const { reason = "ok", detail = "" } = seen ?? {};
    const mode = statSync(path, { throwIfNoEntry: false })?.mode;
    return {
      ...{ id, number, label, reason, detail, format: sysfs.format, device, path },
      driver: sysfs.loopback ? loopbackModule : sysfs.driver,
      // A writer's mark without a writer is no stream.
      streaming: sysfs.loopback && sysfs.writing && reason !== "stuck_writer",
      mode: mode === undefined ? undefined : mode & 0o7777,
    };
  });
}

/** True if the module is loaded, loading or being unloaded. */
export function isModuleLoaded(sysfsDir: string): boolean {
  return moduleState(sysfsDir) !== undefined;
}

/** What a loopback device was created with, so that it can be recreated alike. */
export function loopbackParameters(number: number, places: Places): KnownParameters {
  const kernel = linuxKernel(linuxCalls());
  const control = new ControlDevice(places, { kernel, clock: systemClock, log: silentLogger });
  return deviceParameters(number, places.sysfsDir, control);
}

/** What is streamed through a loopback device. */
export interface Stream {
  /** True if a program writes to the device: it is a camera now. */
  readonly isActive: boolean;
  /** True if the module may let a second program write, and mix the frames of both: before 0.14. */
  readonly allowsSecondWriter: boolean;
  /** True if a process holds the device open, by the module's own count. */
  isOpen(): boolean;
}

/** Reads a device's stream without opening the device; undefined if /sys has no loopback device of that number. */
export function readStream(number: number, sysfsDir: string): Stream | undefined {
  const sysfs = readSysfsDevice(sysfsDir, number);
  if (sysfs?.loopback !== true) return undefined;
  return {
    isActive: sysfs.writing,
    // 0.12 has no version in /sys; 0.13 lets one write to a device that offers both roles.
    allowsSecondWriter: /^0\.1[23]\./.test(readModuleVersion(sysfsDir) ?? "0.12."),
    isOpen: () => new MaxOpeners({ sysfsDir }, linuxKernel(linuxCalls())).isOpen(number) === true,
  };
}
