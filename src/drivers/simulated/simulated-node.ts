import { lstatSync, rmSync, writeFileSync } from "node:fs";
import { type DeviceNumber, decodeDevice, formatDevice } from "../../linux/device-number.ts";

/**
 * The number of /dev/null (include/uapi/linux/major.h: MEM_MAJOR; drivers/char/mem.c), which gives a container access
 * to nothing.
 */
export const nullDevice: DeviceNumber = { major: 1, minor: 3 };

/** mknod(2); throws if it isn't allowed. */
export type MakeCharDevice = (path: string, mode: number, device: DeviceNumber) => void;

/**
 * Creates the node of a simulated device: a character device where that is allowed, otherwise a plain file (no root, a
 * user namespace, no FFI).
 * @returns the reason why it is only a file; undefined for a character device.
 * @throws the error of `node:fs` if not even a file can be created.
 */
export function createSimulatedNode(path: string, make: MakeCharDevice): unknown {
  try {
    make(path, 0o600, nullDevice);
    return undefined;
  } catch (reason) {
    writeFileSync(path, "", { flag: "wx", mode: 0o600 });
    return reason;
  }
}

/** Removes a node; one that does not exist is a success. */
export function removeSimulatedNode(path: string): void {
  rmSync(path, { force: true });
}

/** What is at a path, without opening it: `absent`, `ours`, or what it is in words. */
export type SimulatedNode = "absent" | "ours" | { readonly foreign: string };

/** @throws the error of `node:fs`, unless nothing is there. */
export function lookAtSimulatedNode(path: string): SimulatedNode {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return "absent";
  if (stat.isFile()) return "ours";
  if (!stat.isCharacterDevice()) return { foreign: "neither a character device nor a file" };
  const device = formatDevice(decodeDevice(stat.rdev));
  return device === formatDevice(nullDevice)
    ? "ours"
    : { foreign: `the character device ${device}` };
}
