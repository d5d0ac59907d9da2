import { formatDevice } from "../../../linux/device-number.ts";
import { type DeviceObservation, okObservation } from "../../driver.ts";
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
  readonly locked?: boolean;
  /** Number of a device the module made in this one's place, with parameters that asked for this one. */
  readonly shiftedTo?: number | undefined;
  /** Where the node was looked for. */
  readonly nodePath: string;
}

/** What may be the matter with a loopback device: the `reason` of an observation that is not `ok`. */
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
  // The device of another driver is not this driver's to change.
  wrong_driver: { state: "unavailable", fix: "none" },
  wrong_number: { state: "unavailable", fix: "recreate", disruptive: true },
  faulty: { state: "faulty", fix: "recreate" },
  dead_caps: { state: "faulty", fix: "repair" },
  stuck_writer: { state: "faulty", fix: "reset" },
};

/** The observation of a device that is not `ok`. */
export function faultOf(id: string, reason: LoopbackReason, detail: string): DeviceObservation {
  return { id, ...faults[reason], reason, detail };
}

/**
 * The state of a loopback device from what was seen. A number that belongs to another driver is reported
 * before a module that is gone: loading the module would not help that device.
 */
export function deviceState(id: string, facts: DeviceFacts): DeviceObservation {
  const { sysfs, node, nodePath } = facts;
  const fault = (reason: LoopbackReason, detail: string) => faultOf(id, reason, detail);
  if (sysfs !== undefined && !sysfs.loopback) {
    const driver = sysfs.driver === undefined ? "another driver" : `the driver ${sysfs.driver}`;
    return fault("wrong_driver", `${id} is "${sysfs.name}" of ${driver}, not of v4l2loopback.`);
  }
  if (!facts.moduleLoaded) return fault("module_gone", "The module v4l2loopback is not loaded.");
  if (sysfs === undefined && facts.shiftedTo !== undefined) {
    return fault(
      "wrong_number",
      `v4l2loopback was asked for ${id} when it was loaded, and made video${facts.shiftedTo} instead.`,
    );
  }
  if (sysfs === undefined) {
    return fault("missing", `v4l2loopback is loaded and has no device ${id}.`);
  }
  if (node.kind === "absent") {
    return fault("missing", `v4l2loopback has the device ${id}, but there is no ${nodePath}.`);
  }
  if (node.kind === "other") return fault("wrong_driver", `${nodePath} is ${node.what}.`);
  if (sysfs.device === undefined) {
    return fault("faulty", `${id} does not tell its device number (dev in /sys).`);
  }
  const expected = formatDevice(sysfs.device);
  const found = formatDevice(node.device);
  if (expected !== found) {
    return fault("wrong_driver", `${nodePath} is the device ${found}, but ${id} is ${expected}.`);
  }
  if (facts.locked === true) {
    return fault("faulty", `${id} lets nobody open it (max_openers in /sys).`);
  }
  if (sysfs.writing && facts.isOpen === false) {
    return fault("stuck_writer", `${id} has a writer's mark, and nobody has it open.`);
  }
  return okObservation(id);
}
