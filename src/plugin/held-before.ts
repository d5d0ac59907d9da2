import { type Clock, systemClock } from "../common/clock.ts";
import { PluginError } from "../common/plugin-error.ts";
import { within } from "../common/within.ts";
import type { Config } from "../config/config.ts";
import { PodResources } from "../kubelet/pod-resources.ts";
import type { Logger } from "../observe/logger.ts";
import { deviceId, MAX_DEVICE_NUMBER } from "../v4l2/device-ids.ts";

/** How long the kubelet's answer may delay the start, ms. */
const askMs = 1000;

export interface HeldBeforeDeps {
  readonly log: Logger;
  readonly clock?: Clock;
}

/**
 * Numbers of the devices that pods have and that the configuration no longer asks for, ascending: MAX_DEVICES
 * has shrunk over a restart, or FIRST_DEVICE_NUMBER has moved. Their IDs stay listed until the
 * process ends, so that those pods keep them over a restart of the kubelet. None if it can't be asked.
 */
export async function numbersHeldBefore(
  config: Pick<Config, "podResourcesSocket" | "resourceName" | "firstDeviceNumber" | "maxDevices">,
  { log, clock = systemClock }: HeldBeforeDeps,
): Promise<number[]> {
  const { podResourcesSocket: socket, resourceName } = config;
  const stop = new AbortController();
  const podResources = new PodResources({ socket, resourceName, intervalMs: askMs }, clock);
  try {
    const answer = podResources.devicesOfPods(stop.signal);
    const ids = await within(clock, answer, askMs, "The kubelet's answer");
    const numbers = numbersBeyond(ids, config);
    if (numbers.length > 0) {
      log.info("Pods have devices that are no longer wanted; they are listed until then", {
        device_ids: numbers.map(deviceId),
      });
    }
    return numbers;
  } catch (reason) {
    log.debug("Who has devices can't be asked at the start", PluginError.from(reason).fields());
    return [];
  } finally {
    stop.abort();
    podResources.close();
  }
}

/** Numbers among IDs (`video12`) that are not the configuration's own. */
export function numbersBeyond(
  ids: Iterable<string>,
  { firstDeviceNumber, maxDevices }: Pick<Config, "firstDeviceNumber" | "maxDevices">,
): number[] {
  const numbers = [...ids].flatMap((id) => {
    const digits = /^video(0|[1-9]\d{0,2})$/.exec(id)?.[1];
    return digits === undefined ? [] : [Number(digits)];
  });
  return numbers
    .filter((number) => number < firstDeviceNumber || number >= firstDeviceNumber + maxDevices)
    .filter((number) => number <= MAX_DEVICE_NUMBER)
    .sort((a, b) => a - b);
}
