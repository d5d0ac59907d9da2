import { lstatSync, rmSync, writeFileSync } from "node:fs";
import { type DeviceNumber, decodeDevice, formatDevice } from "../../linux/device-number.ts";

/**
 * /dev/null's number (include/uapi/linux/major.h: MEM_MAJOR; drivers/char/mem.c): a container can be
 * given the node without being given anything.
 */
export const NULL_DEVICE: DeviceNumber = { major: 1, minor: 3 };

/** mknod(2), or what a test has in its place; throws when it isn't allowed. */
export type MakeCharDevice = (path: string, mode: number, device: DeviceNumber) => void;

/**
 * Makes a simulated device: a character node where that is allowed, a plain file where it is not (no
 * root, a user namespace, no FFI).
 * @returns the reason it is only a file, undefined for a character node.
 * @throws the error of `node:fs` if not even a file can be made.
 */
export function makeSimulatedNode(path: string, make: MakeCharDevice): unknown {
  try {
    make(path, 0o600, NULL_DEVICE);
    return undefined;
  } catch (reason) {
    writeFileSync(path, "", { flag: "wx", mode: 0o600 });
    return reason;
  }
}

/** Removes a node; one that is already gone is fine. */
export function removeSimulatedNode(path: string): void {
  rmSync(path, { force: true });
}

/** What is at a path, without opening it: `absent`, `ours`, or what it is in words. */
export type SimulatedNode = "absent" | "ours" | { readonly foreign: string };

/** Looks at a path; anything but ENOENT is thrown. */
export function lookAtSimulatedNode(path: string): SimulatedNode {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return "absent";
  if (stat.isFile()) return "ours";
  if (!stat.isCharacterDevice()) return { foreign: "neither a character device nor a file" };
  const device = formatDevice(decodeDevice(stat.rdev));
  return device === formatDevice(NULL_DEVICE)
    ? "ours"
    : { foreign: `the character device ${device}` };
}
