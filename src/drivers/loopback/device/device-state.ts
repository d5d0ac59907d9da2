import { formatDevice } from "../../../linux/device-number.ts";
import { type DeviceObservation, okObservation } from "../../driver.ts";
import type { NodeView } from "../kernel.ts";
import type { SysfsDevice } from "./sysfs.ts";

/**
 * Why a loopback device is not `ok`.
 * - `missing`: there is no such device, or no node for it.
 * - `module_gone`: v4l2loopback is not loaded.
 * - `wrong_driver`: the number or the node belongs to something else.
 * - `wrong_number`: the module created the device, but under another number.
 * - `faulty`: it exists and does not work, or an interrupted reset left it locked.
 * - `dead_caps`: neither capture nor output (v4l2loopback 0.12 after a program that only wrote).
 * - `stuck_writer`: it has a writer's mark, and no process has it open.
 */
export const loopbackReasons = [
  "missing",
  "module_gone",
  "wrong_driver",
  "wrong_number",
  "faulty",
  "dead_caps",
  "stuck_writer",
] as const;

export type LoopbackReason = (typeof loopbackReasons)[number];

const faults: Readonly<
  Record<LoopbackReason, Pick<DeviceObservation, "state" | "fix" | "disruptive">>
> = {
  missing: { state: "unavailable", fix: "recreate" },
  module_gone: { state: "unavailable", fix: "recreate" },
  // Another driver's device is not this driver's to change.
  wrong_driver: { state: "unavailable", fix: "none" },
  wrong_number: { state: "unavailable", fix: "recreate", disruptive: true },
  faulty: { state: "faulty", fix: "recreate" },
  dead_caps: { state: "faulty", fix: "repair" },
  stuck_writer: { state: "faulty", fix: "reset" },
};

/** The observation of a loopback device. */
export interface LoopbackObservation extends DeviceObservation {
  readonly reason: LoopbackReason | "ok";
}

/** The observation of a device that is not `ok`. */
export function faultOf(id: string, reason: LoopbackReason, detail: string): LoopbackObservation {
  return { id, ...faults[reason], reason, detail };
}

/** All that decides the state of one device. */
export interface DeviceFacts {
  readonly moduleLoaded: boolean;
  /** What /sys has under the number; undefined if nothing. */
  readonly sysfs: SysfsDevice | undefined;
  readonly node: NodeView;
  /** Where the node should be. */
  readonly nodePath: string;
  /** True if a process has it open; undefined if that isn't known. Matters only if it has a writer's mark. */
  readonly isOpen?: boolean | undefined;
  /** True if an interrupted reset left it so that no process can open it. */
  readonly locked?: boolean;
  /** Number that the module used instead, although its parameters ask for this device. */
  readonly shiftedTo?: number | undefined;
}

/** The state of a loopback device from what was seen. */
export function deviceState(id: string, facts: DeviceFacts): LoopbackObservation {
  const { sysfs, node, nodePath } = facts;
  const fault = (reason: LoopbackReason, detail: string) => faultOf(id, reason, detail);
  // Before a module that is not loaded: loading it would not help this device.
  if (sysfs !== undefined && !sysfs.loopback) {
    const driver = sysfs.driver === undefined ? "another driver" : `the driver ${sysfs.driver}`;
    return fault("wrong_driver", `${id} is "${sysfs.name}" of ${driver}, not of v4l2loopback.`);
  }
  if (!facts.moduleLoaded) return fault("module_gone", "The module v4l2loopback is not loaded.");
  if (sysfs === undefined) {
    return facts.shiftedTo === undefined
      ? fault("missing", `v4l2loopback is loaded and has no device ${id}.`)
      : fault(
          "wrong_number",
          `v4l2loopback was loaded for ${id}, and created video${facts.shiftedTo} instead.`,
        );
  }
  if (node.kind === "absent") {
    return fault("missing", `v4l2loopback has the device ${id}, but there is no ${nodePath}.`);
  }
  if (node.kind === "other") return fault("wrong_driver", `${nodePath} is ${node.what}.`);
  if (sysfs.device === undefined) {
    return fault("faulty", `${id} does not show its device number (dev in /sys).`);
  }
  const [found, expected] = [formatDevice(node.device), formatDevice(sysfs.device)];
  if (found !== expected) {
    return fault("wrong_driver", `${nodePath} is the device ${found}, but ${id} is ${expected}.`);
  }
  if (facts.locked === true) {
    return fault("faulty", `${id} is locked: no process can open it (max_openers in /sys).`);
  }
  if (sysfs.writing && facts.isOpen === false) {
    return fault("stuck_writer", `${id} has a writer's mark, and no process has it open.`);
  }
  const format = sysfs.writing ? streamFormat(sysfs.format) : undefined;
  return { ...okObservation(id), reason: "ok", ...(format !== undefined && { format }) };
}

/**
 * The module's `format` attribute for people: `YUYV:640x480@30000/1001` becomes `YUYV 640x480 29.97 fps`.
 * Undefined if it has no format (v4l2loopback.c, `attr_show_format`: FourCC, size, rate as a number or a fraction).
 */
export function streamFormat(attribute: string): string | undefined {
  const parts = /^([\x20-\x7e]{4}):(\d+)x(\d+)@(\d+)(?:\/(\d+))?$/.exec(attribute);
  if (parts === null) return undefined;
  const [, fourcc = "", width, height, frames, seconds = "1"] = parts;
  const rate = Number(frames) / Number(seconds);
  const fps = Number.isFinite(rate) && rate > 0 ? ` ${Math.round(rate * 100) / 100} fps` : "";
  return `${fourcc.trimEnd()} ${width}x${height}${fps}`;
}
