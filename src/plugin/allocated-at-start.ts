import { type Clock, systemClock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import type { PodDevice } from "../common/pod-device.ts";
import { withTimeout } from "../common/with-timeout.ts";
import type { Config } from "../config/config.ts";
import type { DriverDevice } from "../drivers/driver.ts";
import { PodResources } from "../pod-resources/pod-resources.ts";
import { deviceId, maxDeviceNumber } from "../v4l2/device-ids.ts";

/** How long the kubelet's answer may delay the start, ms. */
const askMs = 1000;

export interface AllocatedAtStartDeps {
  readonly log: Logger;
  readonly clock?: Clock;
}

/**
 * IDs of the devices that pods own under a resource name when the process starts: with a smaller MAX_DEVICES or another
 * FIRST_DEVICE_NUMBER than before, the configuration may not ask for all of them, and a camera may be unplugged. None if
 * the kubelet does not answer, or if `signal` aborts first.
 */
export async function allocatedAtStart(
  { podResourcesSocket: socket, resourceName }: Pick<Config, "podResourcesSocket" | "resourceName">,
  { log, clock = systemClock }: AllocatedAtStartDeps,
  signal: AbortSignal,
): Promise<string[]> {
  const answered = new AbortController();
  const podResources = new PodResources({ socket, resourceName, intervalMs: askMs }, clock);
  try {
    const answer = podResources.podDevices(AbortSignal.any([signal, answered.signal]));
    return ownIds(await withTimeout(clock, answer, askMs, "The kubelet's answer"));
  } catch (reason) {
    log.debug("Devices of pods unknown at the start", PluginError.from(reason).fields());
    return [];
  } finally {
    answered.abort();
    podResources.close();
  }
}

/**
 * Why only a new process can list all that pods own: the last instance has allocated devices during the standby that are
 * none of this pool's `devices`. Undefined if it has not.
 *
 * @param owned The devices that pods own at the take-over, by ID.
 * @param others Numbers of the devices of other pools: those a new process would not list here either.
 */
export function surplusNotListed(
  owned: ReadonlyMap<string, PodDevice>,
  devices: readonly Pick<DriverDevice, "number">[],
  others: ReadonlySet<number> = new Set(),
): PluginError | undefined {
  const listed = new Set(devices.map(({ number }) => number));
  const missing = numbersOf(ownIds(owned)).filter(
    (number) => !listed.has(number) && !others.has(number),
  );
  if (missing.length === 0) return undefined;
  return new PluginError(
    "surplus_not_listed",
    `Pods own ${missing.map(deviceId).join(", ")}, which the last instance allocated after this process had started, and this process does not list.`,
    {
      remedy:
        "Restart the plugin: it lists what pods own when it starts. The kubelet starts the container of a pod again and systemd the unit; otherwise start the plugin again.",
    },
  );
}

/** What pods own under this plugin's resource name: the devices of others other plugins list. */
function ownIds(owned: ReadonlyMap<string, PodDevice>): string[] {
  return [...owned].flatMap(([id, { otherResource }]) => (otherResource === undefined ? [id] : []));
}

/** The numbers of IDs (`video12`); IDs that no video device can have are left out. */
export function numbersOf(ids: Iterable<string>): number[] {
  return [...ids].flatMap((id) => {
    const digits = /^video(0|[1-9]\d{0,2})$/.exec(id)?.[1];
    const number = Number(digits);
    return digits === undefined || number > maxDeviceNumber ? [] : [number];
  });
}
