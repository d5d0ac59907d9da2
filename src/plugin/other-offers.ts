import { LogOnce } from "../common/log-once.ts";
import type { Logger } from "../common/logger.ts";

/** Devices of this plugin that another device plugin offers to the kubelet, too. */
export interface OtherOffer {
  /** The other plugin's resource name. */
  readonly resourceName: string;
  /** IDs of the devices, in the order of this plugin's. */
  readonly deviceIds: readonly string[];
}

/** What to do about two plugins that offer the same devices: an instruction, for the log and the doctor. */
export const separateOffers =
  "Let the numbers of two releases not overlap (FIRST_DEVICE_NUMBER, MAX_DEVICES), or take these devices out of the other plugin's configuration.";

/** Which of the devices of `ids` are offered under other resource names as well. */
export function overlapping(
  offers: ReadonlyMap<string, readonly string[]>,
  ids: readonly string[],
): OtherOffer[] {
  return [...offers].flatMap(([resourceName, offered]) => {
    const deviceIds = ids.filter((id) => offered.includes(id));
    return deviceIds.length === 0 ? [] : [{ resourceName, deviceIds }];
  });
}

/** Logs other plugins that offer the same devices: each resource name once, until it offers none of them. */
export class OtherOfferLog {
  readonly #log: Logger;
  readonly #once = new LogOnce();
  #named: readonly string[] = [];

  constructor(log: Logger) {
    this.#log = log;
  }

  seen(offers: readonly OtherOffer[]): void {
    const names = offers.map(({ resourceName }) => resourceName);
    for (const name of this.#named) if (!names.includes(name)) this.#once.forget(name);
    this.#named = names;
    for (const { resourceName, deviceIds } of offers) {
      if (!this.#once.isNew(resourceName)) continue;
      this.#log.warn("Another plugin offers the same devices", {
        other_resource: resourceName,
        device_ids: deviceIds,
        next: "a device that a pod owns under the other resource name is not offered here, and Allocate asks the kubelet first",
        remedy: separateOffers,
      });
    }
  }
}
