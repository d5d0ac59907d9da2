import { readdirSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { readSmallFile } from "../common/files.ts";
import { type DeviceNumber, decodeDevice, formatDevice } from "../linux/device-number.ts";

/** A process that holds a device open. */
export interface Holder {
  readonly pid: number;
  /** The process's name, at most 15 bytes (`comm` of proc(5)). */
  readonly command: string;
}

/** The processes that hold a device open, ascending by PID; keys are device numbers (`81:3`). */
export type Holders = ReadonlyMap<string, readonly Holder[]>;

/**
 * Finds the processes that hold these devices open, among those that this process may inspect: root in the host's PID
 * namespace may inspect all of the host, others fewer, so an empty answer proves nothing. Devices are compared by
 * number, since a container may have other names for them.
 */
export function findHolders(devices: readonly DeviceNumber[], procDir = "/proc"): Holders {
  const scan = scanProcesses(devices, procDir);
  for (;;) {
    const { done, value } = scan.next();
    if (done) return value;
  }
}

/** How long a scan may keep a process from its other work, ms. */
const sliceMs = 2;

/**
 * The other processes that hold these devices open, as {@link findHolders}. It leaves room for other work between two
 * of the host's processes: all of their files are thousands, at some microseconds each, for one device or for all.
 */
export async function findOtherHolders(
  devices: readonly DeviceNumber[],
  procDir = "/proc",
): Promise<Holders> {
  const scan = scanProcesses(devices, procDir);
  let sliceFrom = performance.now();
  for (;;) {
    const { done, value } = scan.next();
    if (done) return new Map([...value].map(([device, holders]) => [device, others(holders)]));
    if (performance.now() - sliceFrom < sliceMs) continue;
    await new Promise((resolve) => setImmediate(resolve));
    sliceFrom = performance.now();
  }
}

function others(holders: readonly Holder[]): Holder[] {
  return holders.filter(({ pid }) => pid !== process.pid);
}

/** Looks through one process after the other, and pauses after each. */
function* scanProcesses(
  devices: readonly DeviceNumber[],
  procDir: string,
): Generator<void, Holders, void> {
  const found = new Map<string, Holder[]>(devices.map((device) => [formatDevice(device), []]));
  for (const pid of list(procDir).map(Number).filter(Number.isInteger)) {
    const open = new Set(openDevices(join(procDir, String(pid), "fd")));
    for (const [device, holders] of found) {
      if (open.has(device)) holders.push({ pid, command: commandOf(procDir, pid) });
    }
    yield;
  }
  for (const holders of found.values()) holders.sort((a, b) => a.pid - b.pid);
  return found;
}

/** `chrome (process 4711), ffmpeg (process 4712)`; empty if there are none. */
export function describeHolders(holders: readonly Holder[]): string {
  return holders.map(({ pid, command }) => `${command} (process ${pid})`).join(", ");
}

function openDevices(fdDir: string): string[] {
  return list(fdDir).flatMap((name) => {
    const path = join(fdDir, name);
    try {
      // sockets and pipes have no path, and a stat of each would double the time
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
