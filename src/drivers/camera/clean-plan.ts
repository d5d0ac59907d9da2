import type { ControlInfo } from "../../v4l2/video-control.ts";

/** A control with its value. */
export interface ControlState extends ControlInfo {
  /** Undefined if it can't be read. */
  readonly value: number | undefined;
}

/** What is set: one control after the other. */
export interface ControlSetting {
  readonly id: number;
  readonly value: number;
}

/**
 * The order in which controls go back to their defaults. Auto modes rule other controls: as soon as auto exposure is on, the
 * exposure time can't be set, and what a pod has left in it is there for the next one that turns auto exposure off.
 * - `values`: what an auto mode may rule: numbers and bit masks, as far as they can be set now.
 * - `modes`: menus and switches, auto modes among them.
 */
export type CleanStep = "values" | "modes";

/** What to set in this step: each control that can be set now, and isn't at its default. */
export function cleanPlan(controls: readonly ControlState[], step: CleanStep): ControlSetting[] {
  return controls
    .filter((control) => stepOf(control) === step && !control.isInactive && isChanged(control))
    .map(({ id, defaultValue }) => ({ id, value: defaultValue }));
}

/**
 * What turns auto modes off, if one rules a control that isn't at its default: the plugin sets these, and then both steps
 * again. Empty if there is nothing to do. A device that has no such mode refuses it, which is no failure.
 */
export function manualPlan(controls: readonly ControlState[]): ControlSetting[] {
  const isRuled = controls.some(
    (control) => control.isInactive && !control.isVolatile && isChanged(control),
  );
  return isRuled
    ? manualModes.filter(({ id }) => controls.some((control) => control.id === id))
    : [];
}

/** Controls that should be at their defaults, and are not. One that an auto mode rules says nothing about the pod. */
export function uncleanControls(controls: readonly ControlState[]): number[] {
  return controls
    .filter((control) => !control.isInactive && !control.isVolatile && isChanged(control))
    .map(({ id }) => id);
}

/** `V4L2_CID_*` of auto modes, each with its value for manual (include/uapi/linux/v4l2-controls.h). */
const manualModes: readonly ControlSetting[] = [
  { id: 0x009a_0901, value: 1 }, // EXPOSURE_AUTO: V4L2_EXPOSURE_MANUAL
  { id: 0x009a_090c, value: 0 }, // FOCUS_AUTO
  { id: 0x0098_090c, value: 0 }, // AUTO_WHITE_BALANCE
  { id: 0x0098_0912, value: 0 }, // AUTOGAIN
  { id: 0x0098_0919, value: 0 }, // HUE_AUTO
  { id: 0x0098_0920, value: 0 }, // AUTOBRIGHTNESS
];

/** Undefined for a control that is never set: buttons, texts, arrays, and those that can't be. */
function stepOf({ type, isFixed }: ControlInfo): CleanStep | undefined {
  if (isFixed) return undefined;
  if (type === "integer" || type === "integer_menu" || type === "bitmask") return "values";
  return type === "menu" || type === "boolean" ? "modes" : undefined;
}

/** True if the control isn't at its default. QUERY_EXT_CTRL shows a bit mask unsigned, and G_CTRL signed. */
function isChanged(control: ControlState): boolean {
  const { type, value, defaultValue } = control;
  if (value === undefined || stepOf(control) === undefined) return false;
  return type === "bitmask" ? value >>> 0 !== defaultValue >>> 0 : value !== defaultValue;
}
