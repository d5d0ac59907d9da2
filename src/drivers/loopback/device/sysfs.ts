import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { PluginError } from "../../../common/plugin-error.ts";
import { type DeviceNumber, formatDevice, parseDevice } from "../../../linux/device-number.ts";
import { MODULE } from "../module/find-module.ts";

/** A video device as /sys/class/video4linux/videoN has it. */
export interface SysfsDevice {
  readonly number: number;
  /** The card label, of a loopback device cut at 31 bytes. Empty if it can't be read. */
  readonly name: string;
  /** Numbers its node must have; the minor is not the N of videoN. Undefined if they can't be read. */
  readonly device: DeviceNumber | undefined;
  /** Whether v4l2loopback made it: no other driver has these attributes. */
  readonly loopback: boolean;
  /** Whether a writer's mark is on it, which goes when the last one closes it. */
  readonly writing: boolean;
  /** The driver's name, of a device that has a bus behind it. */
  readonly driver: string | undefined;
}

/** What /sys says of the module and of all video devices. Nothing of it opens a device. */
export interface SysfsView {
  /** Whether the module is there for use; one that is being unloaded or still loading is not. */
  readonly moduleLoaded: boolean;
  readonly devices: ReadonlyMap<number, SysfsDevice>;
}

/**
 * Attributes v4l2loopback gives its devices (v4l2loopback.c, `v4l2loopback_attrs`). All of them since
 * long before 0.12; `state` came with 0.13. They appear some ms after the device.
 */
const LOOPBACK_ATTRIBUTES = ["max_openers", "buffers", "format"];

/**
 * Reads the numbers asked for, in microseconds each.
 * @throws PluginError `sysfs_unreadable`.
 */
export function readSysfs(sysfsDir: string, numbers: readonly number[]): SysfsView {
  const devices = new Map<number, SysfsDevice>();
  for (const number of numbers) {
    const device = readDevice(sysfsDir, number);
    if (device !== undefined) devices.set(number, device);
  }
  return { moduleLoaded: moduleState(sysfsDir) === "live", devices };
}

/**
 * The module's state (kernel/module/main.c, `show_initstate`); undefined if it isn't there. One that is
 * built in has no such attribute and is always live. While it is `going` its devices are gone already.
 */
export function moduleState(sysfsDir: string): "live" | "coming" | "going" | undefined {
  const dir = join(sysfsDir, "module", MODULE);
  const state = readText(join(dir, "initstate"))?.trim();
  if (state === "coming" || state === "going") return state;
  return existsSync(dir) ? "live" : undefined;
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

/** Those of them that are loopback devices. */
export function loopbackNumbers(sysfsDir: string): readonly number[] {
  return videoNumbers(sysfsDir).filter((number) => readDevice(sysfsDir, number)?.loopback === true);
}

/** A class of devices: its directory in /sys/class, and the major number that all of its nodes have. */
export interface DeviceClass {
  readonly name: string;
  readonly major: number;
}

/** VIDEO_MAJOR, include/media/v4l2-dev.h. */
export const VIDEO_CLASS: DeviceClass = { name: "video4linux", major: 81 };

/** MISC_MAJOR, include/uapi/linux/major.h. The control device is one of these. */
export const MISC_CLASS: DeviceClass = { name: "misc", major: 10 };

/**
 * Whether a device of the class has this number. Undefined if that isn't known: the class isn't there, as in a
 * directory that isn't /sys at all, or one of its devices doesn't tell its number.
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
    // It went away meanwhile.
    if (text === undefined && !existsSync(join(dir, device))) return [];
    return [parseDevice(text ?? "")];
  });
  if (numbers.some((number) => number && formatDevice(number) === formatDevice(wanted)))
    return true;
  return numbers.includes(undefined) ? undefined : false;
}

function readDevice(sysfsDir: string, number: number): SysfsDevice | undefined {
  const dir = join(sysfsDir, "class", "video4linux", `video${number}`);
  const text = readText(join(dir, "dev"));
  if (text === undefined && !existsSync(dir)) return undefined;
  return {
    number,
    name: (readText(join(dir, "name")) ?? "").replace(/\n$/, ""),
    device: parseDevice(text ?? ""),
    loopback: LOOPBACK_ATTRIBUTES.every((attribute) => existsSync(join(dir, attribute))),
    writing: hasWriter(dir),
    driver: driverName(join(dir, "device", "driver")),
  };
}

/**
 * `state` says "capture" from a writer's first frame on, and on after it if it asked to keep the format.
 * Before 0.13 there is none; then `format` is empty without a writer. (Later it stays when the device is
 * closed.)
 */
function hasWriter(dir: string): boolean {
  if (existsSync(join(dir, "state"))) return readText(join(dir, "state"))?.trim() === "capture";
  return (readText(join(dir, "format")) ?? "").trim() !== "";
}

/** What a device's `format` says, `YUYV:640x480@30`; empty if nothing is set. It may outlive the stream. */
export function readFormat(sysfsDir: string, number: number): string {
  const path = join(sysfsDir, "class", "video4linux", `video${number}`, "format");
  return (readText(path) ?? "").trim();
}

/**
 * A parameter array the module was loaded with: `["Y", "N", …]` of
 * /sys/module/v4l2loopback/parameters/exclusive_caps, all eight elements whether they were given or not.
 * Undefined if it can't be read.
 */
export function readModuleParameter(sysfsDir: string, name: string): readonly string[] | undefined {
  const text = readText(join(sysfsDir, "module", MODULE, "parameters", name));
  return text?.trim().split(",");
}

/** The loaded module's MODULE_VERSION; undefined if it has none (before 0.13), isn't there, or can't be read. */
export function readModuleVersion(sysfsDir: string): string | undefined {
  try {
    return readText(join(sysfsDir, "module", MODULE, "version"))?.trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Number of the control device, undefined where the module (before 0.13) or the file is not there. */
export function readControlDevice(sysfsDir: string): DeviceNumber | undefined {
  return parseDevice(readText(join(sysfsDir, "class", "misc", MODULE, "dev")) ?? "");
}

function driverName(link: string): string | undefined {
  try {
    return basename(readlinkSync(link));
  } catch {
    return undefined;
  }
}

/**
 * The device went away between two reads, an attribute doesn't exist in this version, or the driver
 * doesn't want to tell right now (`state` of 0.13 may answer EAGAIN).
 */
const NO_ANSWER = new Set(["ENOENT", "ENOTDIR", "ENODEV", "ENXIO", "EAGAIN", "EIO", "EINVAL"]);

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (typeof code === "string" && NO_ANSWER.has(code)) return undefined;
    throw new PluginError("sysfs_unreadable", `${path} can't be read: ${String(code)}.`, {
      cause: error,
      remedy: "Check that the host's /sys is visible to this process.",
    });
  }
}
