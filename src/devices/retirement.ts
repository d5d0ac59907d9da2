import type { Logger } from "../observe/logger.ts";
import type { DevicePool } from "./pool.ts";

export interface RetirementDeps {
  /** Devices that are no longer wanted, listed because pods had them when the process started. */
  readonly retiring?: ReadonlySet<string> | undefined;
  readonly pool: Pick<DevicePool, "isHeld" | "hold">;
  readonly log: Logger;
}

/**
 * Takes those that nobody has any more out of the offer, for good: their IDs stay in the list, since one that
 * leaves it can crash a kubelet (see `DevicePool`), and no new pod gets them.
 */
export function retireFree(deps: RetirementDeps, isFree: (id: string) => boolean): void {
  for (const id of deps.retiring ?? []) {
    if (deps.pool.isHeld(id, "retired") || !isFree(id)) continue;
    deps.pool.hold(id, {
      reason: "retired",
      detail: "It is beyond MAX_DEVICES, and the pod that had it has ended.",
    });
    deps.log.info("Device retired", {
      device_id: id,
      reason: "beyond_max_devices",
      next: "it stays listed, and no pod gets it any more",
    });
  }
}
