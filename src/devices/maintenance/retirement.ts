import type { Logger } from "../../common/logger.ts";
import type { DriverDevice } from "../../drivers/driver.ts";
import type { Inventory } from "../inventory/inventory.ts";

/**
 * Takes surplus devices that are free out of the offer, for good: their IDs stay in the list, since one that leaves it
 * can crash a kubelet (see `Inventory`), and no new pod gets them.
 */
export function retireFree(
  devices: readonly DriverDevice[],
  free: ReadonlySet<string>,
  inventory: Pick<Inventory, "isHeld" | "hold">,
  log: Logger,
): void {
  for (const { id, surplus } of devices) {
    if (!surplus || !free.has(id) || inventory.isHeld(id, "retired")) continue;
    const detail =
      "MAX_DEVICES and FIRST_DEVICE_NUMBER no longer ask for it, and the pod that owned it has ended.";
    inventory.hold(id, "retired", detail);
    log.info("Device retired", {
      device_id: id,
      reason: "beyond_max_devices",
      next: "it stays listed, and no pod gets it any more",
    });
  }
}
