import { PluginError } from "../../../common/plugin-error.ts";
import type { Config } from "../../../config/config.ts";
import type { VideoDriver } from "../../../drivers/driver.ts";
import { type Device, Use } from "../../../gen/videodevice/admin/v1/admin_pb.ts";
import type { Owner } from "../../../pod-resources/device-owners.ts";
import { describeHolders, type Holder } from "../../../v4l2/holders.ts";
import { holdersOf } from "../holders.ts";
import { lookAtPods, podOf } from "../pod-devices.ts";
import type { Target } from "../target.ts";

/** Everything that says who uses a device. */
export interface DeviceHolders {
  readonly id: string;
  /** By the driver's own count; undefined if that can't be known. */
  readonly open: boolean | undefined;
  readonly holders: readonly Holder[];
  /** Whom the kubelet gave it to. */
  readonly pod: Owner | undefined;
  /** Why there is a kubelet that doesn't tell; empty if it does, or there is none. */
  readonly podUnknown: string;
  /** What the plugin that runs here says of its use; undefined if none does. */
  readonly managedUse: Use | undefined;
}

/** Finds out who uses the device, without opening it. */
export async function findDeviceHolders(
  id: string,
  target: Target,
  driver: VideoDriver,
  config: Config,
  managed: Device | undefined,
): Promise<DeviceHolders> {
  const pods = await lookAtPods(config.podResourcesSocket);
  return {
    id,
    open: await driver.isOpen(id),
    holders: holdersOf(target),
    pod: podOf(id, pods),
    podUnknown: pods.unknown,
    managedUse: managed?.use,
  };
}

/**
 * Refuses what isn't known to be free: what is done to a device takes it away from under whoever has it.
 * @throws PluginError `device_in_use` that names who uses it, `use_unknown` that says what can't be known.
 */
export function refuseInUse(device: DeviceHolders): void {
  const { id } = device;
  const uses = usesOf(device);
  if (uses.length > 0) {
    throw new PluginError("device_in_use", `${id} is in use: ${uses.join("; ")}.`, {
      remedy:
        "Stop who uses it. With --force it is tried all the same; the kernel still keeps a device that is open.",
    });
  }
  const unknown = unknownOf(device);
  if (unknown.length > 0) {
    throw new PluginError(
      "use_unknown",
      `It is not known whether ${id} is in use: ${unknown.join("; ")}.`,
      { remedy: "If you know that nobody uses it: --force." },
    );
  }
}

function usesOf({ open, holders, pod, managedUse }: DeviceHolders): string[] {
  if (pod !== undefined) {
    return [
      `the pod ${pod.namespace}/${pod.pod} has it (container ${pod.container})`,
      ...openIn(open, holders),
    ];
  }
  return managedUse === Use.IN_USE && open !== true && holders.length === 0
    ? ["the plugin that runs here has given it to a pod"]
    : openIn(open, holders);
}

function openIn(open: boolean | undefined, holders: readonly Holder[]): string[] {
  if (holders.length > 0) return [`it is open in ${describeHolders(holders)}`];
  return open === true ? ["it is open in a process that can't be seen from here"] : [];
}

function unknownOf({ open, podUnknown, managedUse }: DeviceHolders): string[] {
  return [
    ...(podUnknown === "" ? [] : [`the kubelet can't be asked which pod has it (${podUnknown})`]),
    ...(managedUse === Use.UNSPECIFIED
      ? ["the plugin that runs here doesn't know whether a pod has it"]
      : []),
    ...(open === undefined
      ? ["whether it is open shows only to root, and where /sys can be written to"]
      : []),
  ];
}
