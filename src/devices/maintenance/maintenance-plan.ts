import type { DriverDevice } from "../../drivers/driver.ts";
import type { DeviceStatus } from "../inventory/device-status.ts";
import type { DeviceUse } from "../usage/usage.ts";
import type { Cleanliness } from "../usage/usage-record.ts";

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
 * none; a repair leaves the device in place, so it is enough that no process holds it open.
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
  // A cordon hides nothing: a device that can't be reset is not clean either. A retired one gets no further user.
  const works = ["ok", "flapping", "cordoned"].includes(device.reason);
  return works && device.cleanliness !== "clean" ? "reset" : undefined;
}

/** What is known when the kubelet asks for a device that isn't known to be clean. */
export interface AllocationFacts {
  /** Milliseconds since its last allocation; undefined if there was none. */
  readonly sinceAllocatedMs: number | undefined;
  /** Whether the kubelet has listed it since then. */
  readonly listedSince: boolean;
  /** Whether the kubelet, asked just now, lists it; undefined if it did not answer. */
  readonly listed: boolean | undefined;
  readonly open: boolean | undefined;
}

/**
 * Whether a device that isn't known to be clean is reset before it is allocated.
 * - `keep`: its own pod asks again; it is allocated as it is.
 * - `reset`: it is allocated after a reset.
 * - `refuse`: another process holds it open, so it can't be reset and isn't allocated.
 *
 * The kubelet asks twice for a device that an app container takes over from its init container: both times within the
 * pod's admission, when it lists the device for neither and no container of the pod has started. So a second request
 * within `reallocateMs` of the first is taken for that. If an admission takes longer, the device is reset once more,
 * which harms no one.
 *
 * For the same reason a process that holds the device open is never the pod that asks, and a kubelet that does not
 * answer changes nothing about that. One that has lost its checkpoint may ask for a device that a running pod owns:
 * it is refused, and prefers another device for the next request.
 */
export function planAllocation(
  facts: AllocationFacts,
  reallocateMs: number,
): "keep" | "reset" | "refuse" {
  if (facts.listed === true) return "keep";
  const again =
    facts.sinceAllocatedMs !== undefined &&
    facts.sinceAllocatedMs < reallocateMs &&
    !facts.listedSince;
  if (again) return "keep";
  return facts.open === true ? "refuse" : "reset";
}
