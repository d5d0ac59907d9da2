import { existsSync } from "node:fs";
import { join } from "node:path";
import { readSysfsDevice } from "../../drivers/loopback/index.ts";
import { deviceId } from "../../v4l2/device-ids.ts";
import { holdersOf } from "./holders.ts";
import type { Target } from "./target.ts";

/** What the attributes of a loopback device say of its stream. */
export interface StreamLook {
  /** `YUYV:640x480@30`; empty if none was set. */
  readonly format: string;
  /** A writer's mark is on it: it is a camera now. */
  readonly streaming: boolean;
  /** The attribute `state`, which 0.12 doesn't have. */
  readonly hasState: boolean;
}

/** Looks at a loopback device without opening it; undefined if /sys has none of that number. */
export function lookAtStream(number: number, sysfsDir: string): StreamLook | undefined {
  const device = readSysfsDevice(sysfsDir, number);
  if (device?.loopback !== true) return undefined;
  const state = join(sysfsDir, "class/video4linux", deviceId(number), "state");
  return { format: device.format, streaming: device.writing, hasState: existsSync(state) };
}

/**
 * Whether a program writes to the device in a way that the kernel would not refuse a second writer for:
 * v4l2loopback 0.12 mixes both frames. A format that was kept without anybody there counts for nothing.
 */
export function hasUnseenWriter(target: Target, sysfsDir: string): boolean {
  if (target.number === undefined) return false;
  const look = lookAtStream(target.number, sysfsDir);
  if (look === undefined || look.hasState || !look.streaming) return false;
  return holdersOf(target).length > 0;
}
