import type { DriverCapabilities } from "../../drivers/driver.ts";
import type { HealthReason } from "../inventory/device-status.ts";
import type { Use } from "../usage/usage.ts";

/**
 * What a device may still carry of whoever had it last.
 * - `unknown`: nothing is known, as of every adopted device after a start.
 * - `clean`: made or reset by this process, and given to nobody since.
 * - `dirty`: given away or seen in use since.
 */
export type Cleanliness = "unknown" | "clean" | "dirty";

/** Everything that decides what is done to a device on our own account. */
export interface MaintenanceFacts {
  readonly id: string;
  /** The pool's reason for its health. */
  readonly reason: HealthReason;
  readonly cleanliness: Cleanliness;
  readonly use: Use;
  /** Not before this time, ms since the epoch, because it failed lately. */
  readonly notBefore: number;
}

export interface MaintenanceAction {
  readonly kind: "reset" | "repair";
  readonly id: string;
}

/**
 * What to do to which devices now, in the order in which to do it: what heals before what cleans. Only
 * devices that nobody uses are touched ({@link mayMaintain}), and only where the driver can.
 */
export function planMaintenance(
  devices: readonly MaintenanceFacts[],
  capabilities: Pick<DriverCapabilities, "reset">,
  now: number,
): MaintenanceAction[] {
  const due = devices.filter((device) => device.notBefore <= now);
  const actions = due.flatMap((device): MaintenanceAction[] => {
    const kind = maintenanceOf(device);
    if (kind === undefined || !mayMaintain(kind, device.use, false)) return [];
    return kind === "reset" && !capabilities.reset ? [] : [{ kind, id: device.id }];
  });
  const heals = ({ id }: MaintenanceAction) => {
    const reason = due.find((device) => device.id === id)?.reason;
    return reason === "dead_caps" || reason === "stuck_writer" || reason === "unclean";
  };
  return [...actions.filter(heals), ...actions.filter((action) => !heals(action))];
}

/**
 * Whether a use allows it. A reset takes the device away from under whoever has it, so it needs proof that
 * nobody has; a repair leaves the device in place, so it is enough that nobody has it open.
 */
export function mayMaintain(
  kind: MaintenanceAction["kind"],
  use: Use,
  open: boolean | undefined,
): boolean {
  if (use === "free") return true;
  return kind === "repair" && use === "unknown" && open === false;
}

/** What a device is in need of; a missing or foreign one needs others than us. */
export function maintenanceOf({
  reason,
  cleanliness,
}: Pick<MaintenanceFacts, "reason" | "cleanliness">): MaintenanceAction["kind"] | undefined {
  switch (reason) {
    case "dead_caps":
      return "repair";
    case "stuck_writer":
    case "unclean":
      return "reset";
    case "ok":
    case "flapping":
    // One that can't be rid of its last user's traces isn't clean, so that it is cordoned hides nothing.
    case "cordoned":
      return cleanliness === "clean" ? undefined : "reset";
    default:
      return undefined;
  }
}

/** What is known when the kubelet asks for a device that isn't known to be clean. */
export interface AllocationFacts {
  /** How long ago it was last given away, ms; undefined if never. */
  readonly sinceAllocatedMs: number | undefined;
  /** Whether the kubelet has listed it since then. */
  readonly listedSince: boolean;
  /** Whether the kubelet, asked just now, lists it; undefined if it did not answer. */
  readonly listed: boolean | undefined;
  readonly open: boolean | undefined;
}

/**
 * Whether a device that isn't known to be clean is reset before it is given away.
 * - `keep`: it is its own pod that asks again; it is given as it is.
 * - `reset`: it is given after a reset.
 * - `refuse`: somebody else holds it open, so it can't be cleaned and isn't given away.
 *
 * The kubelet asks twice for a device that an app container takes over from its init container: both times
 * within the pod's admission, when it lists the device for neither and no container of the pod has started. So a
 * second request within `reallocateMs` of the first is taken for that. If an admission takes longer, the device is
 * reset once more, and nobody notices.
 *
 * For the same reason whoever holds a device open is never the pod for which it is asked, and a mute kubelet
 * changes nothing about that. One that has lost its checkpoint may ask for a device that a running pod has: it is
 * refused, and is advised another one for the next request.
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
