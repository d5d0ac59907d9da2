import { systemClock } from "../common/clock.ts";
import type { Logger } from "../common/logger.ts";
import { PluginError } from "../common/plugin-error.ts";
import type { PodDevice } from "../common/pod-device.ts";
import { deviceOfReplica } from "../common/replica-id.ts";
import type { DriverDevice } from "../drivers/driver.ts";
import { PodResourcesConnection } from "../pod-resources/connection.ts";
import { askPodDevices, podResourcesError } from "../pod-resources/pod-resources.ts";
import { deviceId, maxDeviceNumber } from "../v4l2/device-ids.ts";

/** How long the kubelet's answer may delay the start, ms. */
const askMs = 1000;

/**
 * IDs of the devices that pods own when the process starts, under each of these resource names, in their order: with a smaller
 * MAX_DEVICES or another FIRST_DEVICE_NUMBER than before, the configuration may not ask for all of them, and a camera may
 * be unplugged. None if the kubelet does not answer in time, or if `signal` aborts first.
 */
export async function allocatedAtStart(
  socket: string,
  resourceNames: readonly string[],
  log: Logger,
  signal: AbortSignal,
): Promise<readonly (readonly string[])[]> {
  const connection = new PodResourcesConnection(socket, systemClock);
  const isOurs = ({ resourceName }: { readonly resourceName: string }) =>
    resourceNames.includes(resourceName);
  try {
    const { client } = connection.connected();
    const devices = await askPodDevices(client, isOurs, { timeoutMs: askMs, signal });
    const owned = Map.groupBy(devices, ({ resourceName }) => resourceName);
    return resourceNames.map((name) => {
      const ids = (owned.get(name) ?? []).map(({ deviceId }) => deviceOfReplica(deviceId));
      return [...new Set(ids)];
    });
  } catch (reason) {
    log.debug("Devices of pods unknown at the start", podResourcesError(reason).fields());
    return resourceNames.map(() => []);
  } finally {
    connection.close();
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
