import type { Logger } from "../../common/logger.ts";
import type { VideoDriver } from "../../drivers/driver.ts";
import type { Inventory } from "../inventory/inventory.ts";

export interface RetirementDeps {
  readonly driver: Pick<VideoDriver, "devices">;
  readonly pool: Pick<Inventory, "isHeld" | "hold">;
  readonly log: Logger;
}

/**
 * Takes extra devices that nobody has any more out of the offer, for good: their IDs stay in the list, since
 * one that leaves it can crash a kubelet (see `Inventory`), and no new pod gets them.
 */
export function retireFree(deps: RetirementDeps, isFree: (id: string) => boolean): void {
  for (const { id, extra } of deps.driver.devices) {
    if (!extra || deps.pool.isHeld(id, "retired") || !isFree(id)) continue;
    deps.pool.hold(id, {
      reason: "retired",
      detail:
        "MAX_DEVICES and FIRST_DEVICE_NUMBER no longer ask for it, and the pod that had it has ended.",
    });
    deps.log.info("Device retired", {
      device_id: id,
      reason: "beyond_max_devices",
      next: "it stays listed, and no pod gets it any more",
    });
  }
}
