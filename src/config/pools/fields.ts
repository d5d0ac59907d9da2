import type { Config } from "../config.ts";
import { type LoopbackPool, loopbackPoolKeys } from "../pool-config.ts";

/** An option that each pool has for itself. */
export type PoolKey = keyof LoopbackPool["options"];

/** True if each pool has the option for itself. */
export function isPoolKey(key: keyof Config): key is PoolKey {
  return (loopbackPoolKeys as readonly string[]).includes(key);
}

/** Fields of `loopback`, with the option that each one is. */
export const loopbackFields = {
  count: "maxDevices",
  firstNumber: "firstDeviceNumber",
  numberTaken: "numberTaken",
  cardLabel: "v4l2CardLabel",
  exclusiveCaps: "v4l2ExclusiveCaps",
  maxBuffers: "v4l2MaxBuffers",
  maxWidth: "v4l2MaxWidth",
  maxHeight: "v4l2MaxHeight",
  mode: "v4l2DevicePerm",
  group: "v4l2DeviceGroup",
} as const satisfies Record<string, PoolKey>;

/** Fields of `ready`. */
export const readyFields = {
  size: "readySize",
  pixelFormat: "readyPixelFormat",
  rate: "readyRate",
  placeholder: "readyPlaceholder",
  idleTime: "readyIdleTime",
  placeholderRate: "readyPlaceholderRate",
  feedPath: "containerFeedPath",
} as const satisfies Record<string, PoolKey>;

/** Fields of `container`. */
export const containerFields = {
  path: "containerDevicePath",
  env: "containerDeviceEnv",
  preStart: "preStartContainer",
} as const satisfies Record<string, PoolKey>;

const fields: ReadonlyMap<PoolKey, readonly string[]> = new Map<PoolKey, readonly string[]>([
  ["resourceName", ["resource"]],
  ["readyCameras", ["ready"]],
  ...paths("loopback", loopbackFields),
  ...paths("ready", readyFields),
  ...paths("container", containerFields),
]);

/** Where a pool of the file has what the option says: `["loopback", "count"]`. */
export function fieldOf(key: PoolKey): readonly string[] {
  return fields.get(key) ?? [];
}

function paths(part: string, keys: Readonly<Record<string, PoolKey>>) {
  return Object.entries(keys).map(([name, key]) => [key, [part, name]] as const);
}
