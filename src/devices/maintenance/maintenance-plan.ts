import type { DriverDevice } from "../../drivers/driver.ts";
import type { DeviceStatus } from "../inventory/device-status.ts";
import type { DeviceUse } from "../usage/usage.ts";
import type { Cleanliness } from "../usage/usage-tracker.ts";

/** What the plugin can do to a single device to make it clean or healthy. */
export type MaintenanceKind = "reset" | "repair";

/** All that decides what the plugin does to a device of its own accord. */
export interface MaintenanceFacts
  extends Pick<DriverDevice, "id" | "cleaning">,
    Pick<DeviceStatus, "reason" | "fix"> {
  readonly cleanliness: Cleanliness;
  readonly use: DeviceUse;
  /** Not before this time, ms since the epoch, because it failed lately. */
  readonly notBefore: number;
}

export interface MaintenanceAction {
  readonly kind: MaintenanceKind;
  readonly id: string;
}

/**
 * What to do to which devices now, in the order in which to do it: what makes a device healthy comes before what
 * cleans one. Only devices that no pod uses are touched ({@link mayMaintain}).
 */
export function planMaintenance(
  devices: readonly MaintenanceFacts[],
  now: number,
): MaintenanceAction[] {
  const due = devices.filter(({ notBefore }) => notBefore <= now);
  const planned = due.flatMap((device) => {
    const kind = maintenanceOf(device);
    if (kind === undefined || !mayMaintain(kind, device.use, false)) return [];
    return [{ kind, id: device.id, isUrgent: isTrouble(device) }];
  });
  const ordered = [
    ...planned.filter(({ isUrgent }) => isUrgent),
    ...planned.filter(({ isUrgent }) => !isUrgent),
  ];
  return ordered.map(({ kind, id }) => ({ kind, id }));
}

/** True if a reset or repair would make the device healthy. */
export function isTrouble({ reason, fix }: Pick<DeviceStatus, "reason" | "fix">): boolean {
  return fix === "repair" || fix === "reset" || reason === "unclean";
}

/**
 * True if the device's use allows it. A reset takes the device away from its users, so it needs proof that there is
 * none; a repair leaves the device in place, so it is enough that no pod is known to own it and no process holds it open.
 */
export function mayMaintain(
  kind: MaintenanceKind,
  use: DeviceUse,
  open: boolean | undefined,
): boolean {
  if (use === "free") return true;
  return kind === "repair" && use === "unknown" && open === false;
}

/** What a device needs; undefined if it needs nothing, or nothing that a reset or repair could do. */
export function maintenanceOf(
  device: Pick<MaintenanceFacts, "reason" | "fix" | "cleanliness" | "cleaning">,
): MaintenanceKind | undefined {
  if (device.fix === "repair") return "repair";
  if (device.cleaning !== "reset") return undefined;
  if (isTrouble(device)) return "reset";
  // A cordoned device is reset, too; a retired one is not, since no pod gets it.
  const works = ["ok", "flapping", "cordoned", "held"].includes(device.reason);
  return works && device.cleanliness !== "clean" ? "reset" : undefined;
}
