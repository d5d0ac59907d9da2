import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type LoopbackKernel,
  LoopbackView,
  MaxOpeners,
  readSysfs,
  type ViewSettings,
} from "../../drivers/loopback/index.ts";
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

/**
 * The plugin's own view of devices. On a read-only kernel it changes nothing, and tells a stuck writer only where
 * nothing of the module's is open.
 */
export function loopbackView(
  { deviceDir, sysfsDir }: ViewSettings,
  kernel: LoopbackKernel,
): LoopbackView {
  const openers = new MaxOpeners(sysfsDir, kernel);
  return new LoopbackView({ deviceDir, sysfsDir }, kernel, openers);
}

/** Looks at a loopback device without opening it; undefined if /sys has none of that number. */
export function lookAtStream(number: number, sysfsDir: string): StreamLook | undefined {
  const device = readSysfs(sysfsDir, [number]).devices.get(number);
  if (device?.loopback !== true) return undefined;
  const dir = join(sysfsDir, "class/video4linux", deviceId(number));
  const format = read(join(dir, "format")) ?? "";
  return { format, streaming: device.writing, hasState: existsSync(join(dir, "state")) };
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

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
