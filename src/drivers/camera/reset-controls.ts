import { errnoNameOf } from "../../linux/errno-error.ts";
import type { VideoFile } from "../../v4l2/video-file.ts";
import {
  type ControlSetting,
  type ControlState,
  cleanPlan,
  manualPlan,
  uncleanControls,
} from "./clean-plan.ts";

/** The calls that a reset of controls makes. */
export type ControlFile = Pick<VideoFile, "nextControl" | "getControl" | "setControl">;

/**
 * Sets the device's controls to their defaults, in the order of {@link cleanPlan}. Another process may stream meanwhile. It
 * moves the motors of a camera that has some.
 *
 * @returns the IDs of controls that are not at their defaults after it.
 * @throws ErrnoError if the device does not answer.
 */
export function resetControls(file: ControlFile): readonly number[] {
  setDefaults(file);
  const modes = manualPlan(readControls(file));
  if (modes.length > 0) {
    setAll(file, modes);
    setDefaults(file);
  }
  return uncleanControls(readControls(file));
}

/** Which controls are inactive may change with each step. */
function setDefaults(file: ControlFile): void {
  for (const step of ["values", "modes"] as const) {
    setAll(file, cleanPlan(readControls(file), step));
  }
}

/** A kernel driver may go on for ever where it doesn't know `V4L2_CTRL_FLAG_NEXT_CTRL`; devices have tens of controls. */
const maxControls = 1024;

function readControls(file: ControlFile): ControlState[] {
  const controls: ControlState[] = [];
  for (let id = 0; controls.length < maxControls; ) {
    const control = file.nextControl(id);
    if (control === undefined || control.id <= id) break;
    id = control.id;
    controls.push({ ...control, value: control.isFixed ? undefined : readValue(file, control.id) });
  }
  return controls;
}

function readValue(file: ControlFile, id: number): number | undefined {
  return unlessRefused(() => file.getControl(id));
}

function setAll(file: ControlFile, settings: readonly ControlSetting[]): void {
  for (const { id, value } of settings) unlessRefused(() => file.setControl(id, value));
}

/**
 * Errors by which a device refuses one control, and answers: it is ruled by another (EACCES), a stream needs it as it is
 * (EBUSY), there is no such one or no such value (EINVAL, ERANGE).
 */
const refusals = new Set(["EACCES", "EBUSY", "EINVAL", "ERANGE"]);

function unlessRefused<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (!refusals.has(errnoNameOf(error) ?? "")) throw error;
    return undefined;
  }
}
