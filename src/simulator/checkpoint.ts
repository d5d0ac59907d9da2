import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Name of the checkpoint in the device-plugins directory: types.go, kubeletDeviceManagerCheckpoint. */
export const checkpointFileName = "kubelet_internal_checkpoint";

/** One container's devices of one resource: checkpoint/checkpoint.go, PodDevicesEntry. */
export interface PodDevicesEntry {
  PodUID: string;
  ContainerName: string;
  ResourceName: string;
  /** Device IDs by NUMA node; "-1" for those without. */
  DeviceIDs: Record<string, string[]>;
  /** A `ContainerAllocateResponse` in wire format, base64. */
  AllocResp: string;
}

/** checkpoint/checkpoint.go, checkpointData. Go writes null where there are no entries. */
export interface CheckpointData {
  PodDeviceEntries: PodDevicesEntry[] | null;
  /** Healthy device IDs by resource. */
  RegisteredDevices: Record<string, string[]>;
}

/** The checkpoint as the kubelet writes it, with the same JSON and so the same checksum. */
export function encodeCheckpoint(data: CheckpointData): string {
  const registered = Object.fromEntries(sortedEntries(data.RegisteredDevices, byCodePoint));
  const written = { PodDeviceEntries: data.PodDeviceEntries, RegisteredDevices: registered };
  return JSON.stringify({ Data: written, Checksum: checksum(data) });
}

/** Parses {@link encodeCheckpoint}'s text; throws `checkpoint is corrupted` where the kubelet does. */
export function decodeCheckpoint(text: string): CheckpointData {
  const { Data: data, Checksum: stored } = JSON.parse(text) as {
    Data: CheckpointData;
    Checksum: number;
  };
  if (checksum(data) !== stored) throw new Error("checkpoint is corrupted");
  return data;
}

/** Reads the checkpoint; undefined if there is no file. */
export function readCheckpoint(directory: string): CheckpointData | undefined {
  const path = join(directory, checkpointFileName);
  return existsSync(path) ? decodeCheckpoint(readFileSync(path, "utf8")) : undefined;
}

/** Writes to a dot file beside it and renames, as pkg/kubelet/util/store/filestore.go does. */
export function writeCheckpoint(directory: string, data: CheckpointData): void {
  const path = join(directory, checkpointFileName);
  const temporary = join(dirname(path), `.${randomUUID()}`);
  writeFileSync(temporary, encodeCheckpoint(data), { mode: 0o600 });
  renameSync(temporary, path);
}

/**
 * FNV-1a (32 bit) over Go's dump of the data: checkpointmanager/checksum/checksum.go,
 * pkg/util/hash/hash.go and apimachinery pkg/util/dump/dump.go, ForHash.
 */
export function checksum(data: CheckpointData): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(goDump(data))) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

function goDump(data: CheckpointData): string {
  const entries = data.PodDeviceEntries?.map(
    (entry) =>
      `{PodUID:(string)${entry.PodUID} ContainerName:(string)${entry.ContainerName} ` +
      `ResourceName:(string)${entry.ResourceName} ` +
      `DeviceIDs:(checkpoint.DevicesPerNUMA)${goMap(entry.DeviceIDs, (a, b) => Number(a) - Number(b))} ` +
      `AllocResp:([]uint8)[${Buffer.from(entry.AllocResp, "base64").join(" ")}]}`,
  );
  return (
    "(checkpoint.checkpointData){PodDeviceEntries:([]checkpoint.PodDevicesEntry)" +
    `${entries === undefined ? "<nil>" : `[${entries.join(" ")}]`} ` +
    `RegisteredDevices:(map[string][]string)${goMap(data.RegisteredDevices, byCodePoint)}}`
  );
}

function goMap(map: Record<string, string[]>, order: (a: string, b: string) => number): string {
  const pairs = sortedEntries(map, order).map(([key, ids]) => `${key}:[${ids.join(" ")}]`);
  return `map[${pairs.join(" ")}]`;
}

function byCodePoint(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sortedEntries<T>(
  map: Record<string, T>,
  order: (a: string, b: string) => number,
): [string, T][] {
  return Object.entries(map).sort(([a], [b]) => order(a, b));
}
