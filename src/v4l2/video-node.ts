import { readdirSync, readlinkSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { readSmallFile } from "../common/files.ts";
import { type DeviceNumber, parseDevice } from "../linux/device-number.ts";
import { deviceId } from "./device-ids.ts";

/** A device on a USB, as its directory in /sys shows it. */
export interface UsbDevice {
  /** Four hexadecimal digits: `046d`. */
  readonly vendor: string;
  readonly product: string;
  /** Empty if the device has none. */
  readonly serial: string;
  /** The host controller, which a boot does not renumber, unlike buses: `0000:00:14.0`. */
  readonly controller: string;
  /** The ports from the controller to the device: `1.2` is port 2 of a hub at port 1. */
  readonly ports: string;
}

/** A video node, as /sys/class/video4linux/videoN shows it to any user. Reading it neither opens nor wakes the device. */
export interface VideoNode {
  readonly number: number;
  /** The card's name; that of a USB camera is its product. */
  readonly name: string;
  /** Counts the nodes of a device (a `struct v4l2_device`) from 0. */
  readonly index: number;
  /** Undefined if it can't be read. */
  readonly device: DeviceNumber | undefined;
  readonly driver: string | undefined;
  /** What the driver is bound to; undefined for a device without hardware, such as one of v4l2loopback. */
  readonly parent: Parent | undefined;
}

/** The device that a video node belongs to. */
export interface Parent {
  /** Its directory in /sys; of a USB device, not of one of its interfaces. All nodes of a device have the same. */
  readonly path: string;
  /** `usb`, `pci`, `platform` or another bus. */
  readonly bus: string;
  readonly usb: UsbDevice | undefined;
}

/** Reads all video nodes, ascending by number; what disappears meanwhile is left out. */
export function readVideoNodes(sysfsDir: string): VideoNode[] {
  const parents = new Map<string, Parent>();
  return listNames(join(sysfsDir, "class/video4linux"))
    .flatMap((name) => /^video(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
    .flatMap((number) => readVideoNode(sysfsDir, number, parents) ?? []);
}

/**
 * Reads one node; undefined if there is none of that number.
 *
 * @param parents What was read of devices before, by the directory that their nodes name.
 */
export function readVideoNode(
  sysfsDir: string,
  number: number,
  parents = new Map<string, Parent>(),
): VideoNode | undefined {
  const dir = join(sysfsDir, "class/video4linux", deviceId(number));
  const name = readSmallFile(join(dir, "name"));
  if (name === undefined) return undefined;
  const device = realPath(join(dir, "device"));
  const parent = device === undefined ? undefined : (parents.get(device) ?? readParent(device));
  if (device !== undefined && parent !== undefined) parents.set(device, parent);
  return {
    number,
    name,
    index: Number(readSmallFile(join(dir, "index")) ?? 0),
    device: parseDevice(readSmallFile(join(dir, "dev")) ?? ""),
    driver: device === undefined ? undefined : linkName(join(device, "driver")),
    parent,
  };
}

/** A driver of USB is bound to an interface, whose directory is in that of the device. */
function readParent(device: string): Parent {
  const bus = linkName(join(device, "subsystem")) ?? "unknown";
  const vendor = readSmallFile(join(device, "../idVendor"));
  if (bus !== "usb" || vendor === undefined) return { path: device, bus, usb: undefined };
  const path = dirname(device);
  const [, busNumber = "", ports = ""] = /^(\d+)-(.+)$/.exec(basename(path)) ?? [];
  const usb = {
    vendor,
    product: readSmallFile(join(path, "idProduct")) ?? "",
    serial: readSmallFile(join(path, "serial")) ?? "",
    controller: controllerOf(path, `usb${busNumber}`),
    ports,
  };
  return { path, bus, usb };
}

/** The name of the directory above the bus's, which is one of the directories above the device's. */
function controllerOf(path: string, bus: string): string {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    if (basename(at) === bus) return basename(dirname(at));
  }
  return bus;
}

/** The last part of what a link leads to; undefined if it is no link. */
export function linkName(link: string): string | undefined {
  try {
    return basename(readlinkSync(link));
  } catch {
    return undefined;
  }
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}

/** The names in a directory; none if it can't be read. */
export function listNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
