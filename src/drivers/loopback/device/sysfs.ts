import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { readSmallFile } from "../../../common/files.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { type DeviceNumber, formatDevice, parseDevice } from "../../../linux/device-number.ts";
import { loopbackModule } from "../module/find-module.ts";

/** A video device as /sys/class/video4linux/videoN shows it. Reading it does not open the device. */
export interface SysfsDevice {
  readonly number: number;
  /** The card label, which v4l2loopback cuts at 31 bytes. Empty if it can't be read. */
  readonly name: string;
  /** Numbers that its node must have; the minor is not the N of videoN. Undefined if they can't be read. */
  readonly device: DeviceNumber | undefined;
  /** True if v4l2loopback created it: no other driver has these attributes. */
  readonly loopback: boolean;
  /** True while it has a writer's mark, which v4l2loopback removes when the last process closes the device. */
  readonly writing: boolean;
  /** `YUYV:640x480@30`; empty if none is set, or another driver created it. It may outlive the stream. */
  readonly format: string;
  /** How many processes may have it open; undefined if another driver created it, or it is no number. */
  readonly maxOpeners: number | undefined;
  /** Name of the driver, if the device has a bus behind it. */
  readonly driver: string | undefined;
}

/**
 * Reads one device, in microseconds; undefined if there is none of that number.
 * @throws PluginError `sysfs_unreadable`.
 */
export function readSysfsDevice(sysfsDir: string, number: number): SysfsDevice | undefined {
  const dir = join(sysfsDir, "class", "video4linux", `video${number}`);
  const device = readText(join(dir, "dev"));
  if (device === undefined && !existsSync(dir)) return undefined;
  const format = readText(join(dir, "format"));
  const maxOpeners = readText(join(dir, "max_openers"));
  const has = (name: string, text?: string) => text !== undefined || existsSync(join(dir, name));
  return {
    number,
    name: (readText(join(dir, "name")) ?? "").replace(/\n$/, ""),
    device: parseDevice(device ?? ""),
    // v4l2loopback.c, v4l2loopback_attrs: in all versions since long before 0.12. They appear some ms after the device.
    loopback: has("max_openers", maxOpeners) && has("buffers") && has("format", format),
    writing: hasWriter(dir, format),
    format: format?.trim() ?? "",
    maxOpeners: /^\d+$/.test(maxOpeners?.trim() ?? "") ? Number(maxOpeners) : undefined,
    driver: driverName(join(dir, "device", "driver")),
  };
}

/**
 * `state` says "capture" from a writer's first frame on, and after it if it asked to keep the format. Before 0.13
 * there is no `state`; then `format` is empty without a writer. (Later it stays when the device is closed.)
 */
function hasWriter(dir: string, format: string | undefined): boolean {
  const state = readText(join(dir, "state"));
  if (state !== undefined || existsSync(join(dir, "state"))) return state?.trim() === "capture";
  return (format ?? "").trim() !== "";
}

/** Numbers of all video devices, of whatever driver, ascending; none where there is no video4linux. */
export function videoNumbers(sysfsDir: string): readonly number[] {
  let names: string[];
  try {
    names = readdirSync(join(sysfsDir, "class", "video4linux"));
  } catch {
    return [];
  }
  return names
    .flatMap((name) => /^video(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** All video devices, of whatever driver, in ascending number. @throws PluginError `sysfs_unreadable`. */
export function readVideoDevices(sysfsDir: string): readonly SysfsDevice[] {
  return videoNumbers(sysfsDir).flatMap((number) => readSysfsDevice(sysfsDir, number) ?? []);
}

/** Numbers of all devices that v4l2loopback created, ascending. @throws PluginError `sysfs_unreadable`. */
export function loopbackNumbers(sysfsDir: string): readonly number[] {
  return readVideoDevices(sysfsDir)
    .filter(({ loopback }) => loopback)
    .map(({ number }) => number);
}

/** A class of devices: its directory in /sys/class, and the major number of all of its nodes. */
export interface DeviceClass {
  readonly name: string;
  readonly major: number;
}

/** VIDEO_MAJOR, include/media/v4l2-dev.h. */
export const videoClass: DeviceClass = { name: "video4linux", major: 81 };

/** MISC_MAJOR, include/uapi/linux/major.h. The control device belongs to this class. */
export const miscClass: DeviceClass = { name: "misc", major: 10 };

/**
 * True if a device of the class has this number. Undefined if that can't be known: the class is missing, as in a
 * directory that is not /sys at all, or one of its devices does not show its number.
 * @throws PluginError `sysfs_unreadable`.
 */
export function isNumberTaken(
  sysfsDir: string,
  { name }: DeviceClass,
  wanted: DeviceNumber,
): boolean | undefined {
  const dir = join(sysfsDir, "class", name);
  let devices: string[];
  try {
    devices = readdirSync(dir);
  } catch {
    return undefined;
  }
  const numbers = devices.flatMap((device) => {
    const text = readText(join(dir, device, "dev"));
    // It was removed meanwhile.
    if (text === undefined && !existsSync(join(dir, device))) return [];
    return [parseDevice(text ?? "")];
  });
  if (numbers.some((number) => number && formatDevice(number) === formatDevice(wanted)))
    return true;
  return numbers.includes(undefined) ? undefined : false;
}

/**
 * The module's state (kernel/module/main.c, `show_initstate`); undefined if it is not loaded. A built-in module has
 * no such attribute and is always live. While it is `going` its devices are gone already.
 */
export function moduleState(sysfsDir: string): "live" | "coming" | "going" | undefined {
  const dir = join(sysfsDir, "module", loopbackModule);
  const state = readText(join(dir, "initstate"))?.trim();
  if (state === "coming" || state === "going") return state;
  return existsSync(dir) ? "live" : undefined;
}

/**
 * A parameter array that the module was loaded with: `["Y", "N", …]` of
 * /sys/module/v4l2loopback/parameters/exclusive_caps, always all eight elements. Undefined if it can't be read.
 */
export function readModuleParameter(sysfsDir: string, name: string): readonly string[] | undefined {
  const text = readText(join(sysfsDir, "module", loopbackModule, "parameters", name));
  return text?.trim().split(",");
}

/** The loaded module's MODULE_VERSION; undefined if it has none (before 0.13), isn't loaded, or can't be read. */
export function readModuleVersion(sysfsDir: string): string | undefined {
  return readSmallFile(join(sysfsDir, "module", loopbackModule, "version")) || undefined;
}

/** Number of the control device; undefined if the module has none (before 0.13), or isn't loaded. */
export function readControlDevice(sysfsDir: string): DeviceNumber | undefined {
  return parseDevice(readText(join(sysfsDir, "class", "misc", loopbackModule, "dev")) ?? "");
}

function driverName(link: string): string | undefined {
  try {
    return basename(readlinkSync(link));
  } catch {
    return undefined;
  }
}

/**
 * Errors that mean: the device was removed between two reads, this version has no such attribute, or the driver does
 * not answer right now (EAGAIN of `state` in 0.13).
 */
const noAnswer = new Set(["ENOENT", "ENOTDIR", "ENODEV", "ENXIO", "EAGAIN", "EIO", "EINVAL"]);

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (typeof code === "string" && noAnswer.has(code)) return undefined;
    throw new PluginError("sysfs_unreadable", `${path} can't be read: ${String(code)}.`, {
      cause: error,
      remedy: "Check that the host's /sys is visible to this process.",
    });
  }
}
