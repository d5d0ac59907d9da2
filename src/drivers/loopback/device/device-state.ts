import { join } from "node:path";
import { formatDevice } from "../../../linux/device-number.ts";
import { type DeviceObservation, type DriverDevice, okObservation } from "../../driver.ts";
import { MaxOpeners } from "../cleaning/exclusive-access.ts";
import type { LoopbackKernel, NodeView } from "../kernel.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import { roleOf } from "../ready/pair.ts";
import {
  loopbackNumbers,
  moduleState,
  readControlDevice,
  readModuleParameter,
  readSysfsDevice,
  type SysfsDevice,
} from "./sysfs.ts";

/**
 * Why a loopback device is not `ok`.
 * - `missing`: there is no such device, or no node for it.
 * - `module_gone`: v4l2loopback is not loaded.
 * - `wrong_driver`: the number or the node belongs to something else.
 * - `wrong_number`: the module created the device, but under another number.
 * - `faulty`: it exists and does not work, or an interrupted reset left it locked.
 * - `dead_caps`: neither capture nor output (v4l2loopback 0.12 after a program that only wrote).
 * - `not_permitted`: it exists, and the container's device rules forbid to open it, so that it can't be cleaned.
 * - `stuck_writer`: it has a writer's mark, and no process has it open.
 * - `not_ready`: it is to be a ready camera, and a browser would not list it, or it gets no frames of its feed.
 */
export const loopbackReasons = [
  "missing",
  "module_gone",
  "wrong_driver",
  "wrong_number",
  "faulty",
  "dead_caps",
  "not_permitted",
  "stuck_writer",
  "not_ready",
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
  // The rules are the runtime's to change.
  not_permitted: { state: "unavailable", fix: "none" },
  stuck_writer: { state: "faulty", fix: "reset" },
  not_ready: { state: "faulty", fix: "recreate" },
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
  /** True if a process has it open; undefined if that isn't known. Asked only of a writer's mark that may be left over. */
  readonly isOpen?: boolean | undefined;
  /** True if this process has to open the device, to clean it. Default: false. */
  readonly mustOpen?: boolean;
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
  if (node.forbidden && facts.mustOpen === true) {
    return fault("not_permitted", `The container's device rules forbid to open ${nodePath}.`);
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

/** Where to look for the module and its devices, and whether looking may write. */
export type ViewSettings = Pick<
  LoopbackSettings,
  "deviceDir" | "sysfsDir" | "readOnly" | "opensDevices"
>;

/** What identifies a device. */
export type DeviceName = Pick<DriverDevice, "id" | "number"> & Partial<Pick<DriverDevice, "nodes">>;

/** A device's state, and what /sys showed of it. */
export interface Observed {
  readonly observation: LoopbackObservation;
  /** Undefined if there is no such device. */
  readonly sysfs: SysfsDevice | undefined;
}

type SeenDevice = DeviceName & Pick<DeviceFacts, "sysfs" | "node" | "nodePath">;

interface SeenModule {
  readonly isLoaded: boolean;
  /** The numbers that it was loaded for. */
  readonly asked?: readonly number[];
  /** The first number that it used instead of one of those: the kernel does so where one is taken, without an error. */
  readonly shiftedTo?: number | undefined;
}

/** Observes devices without opening one. */
export class LoopbackView {
  readonly openers: MaxOpeners;
  readonly #settings: ViewSettings;
  readonly #kernel: LoopbackKernel;

  constructor(settings: ViewSettings, kernel: LoopbackKernel) {
    this.#settings = settings;
    this.#kernel = kernel;
    this.openers = new MaxOpeners(settings, kernel);
  }

  nodePath(id: string): string {
    return join(this.#settings.deviceDir, id);
  }

  /** @throws PluginError `sysfs_unreadable`. */
  sysfs({ number }: Pick<DriverDevice, "number">): SysfsDevice | undefined {
    return readSysfsDevice(this.#settings.sysfsDir, number);
  }

  /** @throws PluginError `sysfs_unreadable`. */
  observe(device: DeviceName): Observed {
    const seen = this.#look(device);
    return this.#stateOf(seen, this.#lookAtModule([seen]), false);
  }

  /**
   * Observes several devices at one moment.
   *
   * @param readOnly as {@link InspectOptions.readOnly}: whether a process has a device open is not asked.
   * @throws PluginError `sysfs_unreadable`.
   */
  observeAll(devices: readonly DeviceName[], readOnly: boolean): readonly Observed[] {
    const seen = devices.map((device) => this.#look(device));
    // After the devices, so that none counts as missing because the module was just unloaded.
    const module = this.#lookAtModule(seen);
    return seen.map((device) => this.#stateOf(device, module, readOnly));
  }

  #look(device: DeviceName): SeenDevice {
    const sysfs = this.sysfs(device);
    const nodePath = this.nodePath(device.id);
    return { ...device, sysfs, nodePath, node: this.#kernel.lookAt(nodePath) };
  }

  #lookAtModule(devices: readonly SeenDevice[]): SeenModule {
    const { sysfsDir } = this.#settings;
    const isLoaded = moduleState(sysfsDir) === "live";
    const isComplete = devices.every(({ sysfs }) => sysfs !== undefined);
    // With a control device devices come and go, whatever the module was loaded with.
    if (!isLoaded || isComplete || readControlDevice(sysfsDir) !== undefined) return { isLoaded };
    const asked = (readModuleParameter(sysfsDir, "video_nr") ?? []).map(Number);
    const shiftedTo = loopbackNumbers(sysfsDir).find((found) => !asked.includes(found));
    return { isLoaded, asked, shiftedTo };
  }

  #stateOf(device: SeenDevice, module: SeenModule, readOnly: boolean): Observed {
    const { id, number, sysfs } = device;
    const moduleLoaded = module.isLoaded;
    const shiftedTo = module.asked?.includes(number) ? module.shiftedTo : undefined;
    const { readOnly: never = false, opensDevices = !never } = this.#settings;
    // A ready camera's writer's mark is as it should be, open or not: its format is fixed.
    const mayBeStuck = roleOf(device) === undefined;
    const facts = {
      ...device,
      moduleLoaded,
      shiftedTo,
      mustOpen: opensDevices,
      ...this.#lookAtOpeners(sysfs, !readOnly && mayBeStuck),
    };
    return { observation: deviceState(id, facts), sysfs: facts.sysfs };
  }

  /**
   * `mayAsk` is false if the answer would change nothing: to ask locks other programs out for a moment, and a browser that
   * finds no camera then ends a track that runs.
   */
  #lookAtOpeners(sysfs: SysfsDevice | undefined, mayAsk: boolean): Partial<DeviceFacts> {
    if (!sysfs?.loopback) return {};
    const locked = this.openers.isLeftLocked(sysfs);
    if (!sysfs.writing || !mayAsk) return { locked };
    const isOpen = this.openers.isOpen(sysfs.number);
    // The mark goes with the last close, so one that was seen before that close proves nothing.
    return { locked, isOpen, sysfs: this.sysfs(sysfs) };
  }
}
