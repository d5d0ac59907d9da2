import { formatDevice } from "../../../linux/device-number.ts";
import type { DeviceState, DriverDevice } from "../../driver.ts";
import type { NodeView } from "../kernel.ts";
import type { SysfsDevice } from "./sysfs.ts";

/** Everything that is looked at to judge one device. */
export interface DeviceFacts {
  readonly moduleLoaded: boolean;
  /** What /sys has of the number, undefined if nothing. */
  readonly sysfs: SysfsDevice | undefined;
  readonly node: NodeView;
  /** Whether anybody has it open, undefined if that isn't known; asked only of one with a writer's mark. */
  readonly isOpen?: boolean | undefined;
  /** A limit of openers that a killed run of this program left behind. */
  readonly fenced?: boolean;
  /** Number of a device the module made in this one's place, with parameters that asked for this one. */
  readonly shiftedTo?: number | undefined;
  /** Where the node was looked for. */
  readonly nodePath: string;
}

/** A state with its sentence; see DeviceObservation. */
export interface Judgement {
  readonly state: DeviceState;
  readonly detail: string;
}

/**
 * The state of a loopback device from what was seen. A number that belongs to somebody else is told
 * before a module that is gone: loading it would not help that device.
 */
export function judge(device: DriverDevice, facts: DeviceFacts): Judgement {
  const { sysfs, node, nodePath } = facts;
  const { id } = device;
  if (sysfs !== undefined && !sysfs.loopback) {
    const driver = sysfs.driver === undefined ? "another driver" : `the driver ${sysfs.driver}`;
    return {
      state: "wrong_driver",
      detail: `${id} is "${sysfs.name}" of ${driver}, not of v4l2loopback.`,
    };
  }
  if (!facts.moduleLoaded) {
    return { state: "module_gone", detail: "The module v4l2loopback is not loaded." };
  }
  if (sysfs === undefined && facts.shiftedTo !== undefined) {
    return {
      state: "wrong_number",
      detail: `v4l2loopback was asked for ${id} when it was loaded, and made video${facts.shiftedTo} instead.`,
    };
  }
  if (sysfs === undefined) {
    return { state: "missing", detail: `v4l2loopback is loaded and has no device ${id}.` };
  }
  if (node.kind === "absent") {
    return {
      state: "missing",
      detail: `v4l2loopback has the device ${id}, but there is no ${nodePath}.`,
    };
  }
  if (node.kind === "other") {
    return { state: "wrong_driver", detail: `${nodePath} is ${node.what}.` };
  }
  if (sysfs.device === undefined) {
    return { state: "faulty", detail: `${id} does not tell its device number (dev in /sys).` };
  }
  const expected = formatDevice(sysfs.device);
  const found = formatDevice(node.device);
  if (expected !== found) {
    return {
      state: "wrong_driver",
      detail: `${nodePath} is the device ${found}, but ${id} is ${expected}.`,
    };
  }
  if (facts.fenced === true) {
    return { state: "faulty", detail: `${id} lets nobody open it (max_openers in /sys).` };
  }
  if (sysfs.writing && facts.isOpen === false) {
    return { state: "stuck_writer", detail: `${id} has a writer's mark, and nobody has it open.` };
  }
  return { state: "ok", detail: "" };
}
