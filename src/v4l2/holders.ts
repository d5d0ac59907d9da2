import { readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { readSmallFile } from "../common/files.ts";
import { type DeviceNumber, decodeDevice, formatDevice } from "../linux/device-number.ts";

/** A process that has a device open. */
export interface Holder {
  readonly pid: number;
  /** Its name, at most 15 bytes (`comm` of proc(5)). */
  readonly command: string;
}

/** By device number (`81:3`), who has it open, ascending by process. */
export type Holders = ReadonlyMap<string, readonly Holder[]>;

/**
 * Who has which of these devices open, of the processes that this one may look at: all of the host's for
 * root in the host's PID namespace, else fewer, so an empty answer proves nothing. Devices are told by
 * their numbers, since a container has them under other names.
 */
export function findHolders(devices: readonly DeviceNumber[], procDir = "/proc"): Holders {
  const found = new Map<string, Holder[]>(devices.map((device) => [formatDevice(device), []]));
  for (const pid of list(procDir).map(Number).filter(Number.isInteger)) {
    const open = new Set(openDevices(join(procDir, String(pid), "fd")));
    for (const [device, holders] of found) {
      if (open.has(device)) holders.push({ pid, command: commandOf(procDir, pid) });
    }
  }
  for (const holders of found.values()) holders.sort((a, b) => a.pid - b.pid);
  return found;
}

/** `chrome (process 4711), ffmpeg (process 4712)`; empty for none. */
export function describeHolders(holders: readonly Holder[]): string {
  return holders.map(({ pid, command }) => `${command} (process ${pid})`).join(", ");
}

function openDevices(fdDir: string): string[] {
  return list(fdDir).flatMap((name) => {
    const path = join(fdDir, name);
    try {
      // sockets, pipes and the like have no path, and looking at each would double the time
      if (!readlinkSync(path).startsWith("/")) return [];
      const stat = statSync(path);
      return stat.isCharacterDevice() ? [formatDevice(decodeDevice(stat.rdev))] : [];
    } catch {
      return []; // closed meanwhile
    }
  });
}

function commandOf(procDir: string, pid: number): string {
  return readSmallFile(join(procDir, String(pid), "comm")) ?? "a process that ended";
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
