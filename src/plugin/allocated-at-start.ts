import { type Clock, systemClock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import { withTimeout } from "../common/with-timeout.ts";
import type { Config } from "../config/config.ts";
import { PodResources } from "../pod-resources/pod-resources.ts";
import { maxDeviceNumber } from "../v4l2/device-ids.ts";

/** How long the kubelet's answer may delay the start, ms. */
const askMs = 1000;

export interface AllocatedAtStartDeps {
  readonly log: Logger;
  readonly clock?: Clock;
}

/**
 * Numbers of the devices that pods own when the process starts: with a smaller MAX_DEVICES or another
 * FIRST_DEVICE_NUMBER than before, the configuration may not ask for all of them. None if the kubelet does not answer,
 * or if `signal` aborts first.
 */
export async function numbersAllocatedAtStart(
  config: Pick<Config, "podResourcesSocket" | "resourceName">,
  { log, clock = systemClock }: AllocatedAtStartDeps,
  signal: AbortSignal,
): Promise<number[]> {
  const { podResourcesSocket: socket, resourceName } = config;
  const answered = new AbortController();
  const podResources = new PodResources({ socket, resourceName, intervalMs: askMs }, clock);
  try {
    const answer = podResources.podDevices(AbortSignal.any([signal, answered.signal]));
    const devices = await withTimeout(clock, answer, askMs, "The kubelet's answer");
    // What pods own under other resource names, other plugins list.
    const ours = [...devices].filter(([, { otherResource }]) => otherResource === undefined);
    return numbersOf(ours.map(([id]) => id));
  } catch (reason) {
    log.debug("Devices of pods unknown at the start", PluginError.from(reason).fields());
    return [];
  } finally {
    answered.abort();
    podResources.close();
  }
}

/** The numbers of IDs (`video12`); IDs that no video device can have are left out. */
export function numbersOf(ids: Iterable<string>): number[] {
  return [...ids].flatMap((id) => {
    const digits = /^video(0|[1-9]\d{0,2})$/.exec(id)?.[1];
    const number = Number(digits);
    return digits === undefined || number > maxDeviceNumber ? [] : [number];
  });
}
