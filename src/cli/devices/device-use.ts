import { PluginError } from "../../common/plugin-error.ts";
import type { Config } from "../../config/config.ts";
import type { VideoDriver } from "../../drivers/driver.ts";
import { type Device, Use } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import type { Owner } from "../../pod-resources/device-owners.ts";
import { describeHolders, type Holder } from "../../v4l2/holders.ts";
import { holdersOf } from "../tools/holders.ts";
import { findPods, podOf } from "../tools/pods-by-device.ts";
import type { Target } from "../tools/target.ts";

/** All that shows the use of a device. */
export interface DeviceUse {
  readonly id: string;
  /** True if a process holds it open, by the driver's own count; undefined if unknown. */
  readonly open: boolean | undefined;
  readonly holders: readonly Holder[];
  /** The pod to which the kubelet allocated it. */
  readonly pod: Owner | undefined;
  /** Why the kubelet doesn't answer; empty if it does, or there is no kubelet. */
  readonly podUnknown: string;
  /** Its use according to the running plugin; undefined if no plugin has the device. */
  readonly managedUse: Use | undefined;
}

/** Finds out the use of the device, without opening it. */
export async function findDeviceUse(
  id: string,
  target: Target,
  driver: VideoDriver,
  config: Config,
  managed: Device | undefined,
): Promise<DeviceUse> {
  const pods = await findPods(config.podResourcesSocket);
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
 * Rejects a device that isn't known to be free: a change would take it from its user.
 *
 * @throws PluginError `device_in_use` that names the users, `use_unknown` that says what is unknown.
 */
export function refuseInUse(device: DeviceUse): void {
  const { id } = device;
  const uses = usesOf(device);
  if (uses.length > 0) {
    throw new PluginError("device_in_use", `${id} is in use: ${uses.join("; ")}.`, {
      remedy:
        "Stop the pod or program that uses it, or try with --force: the kernel still keeps a device that is open.",
    });
  }
  const unknown = unknownOf(device);
  if (unknown.length > 0) {
    throw new PluginError(
      "use_unknown",
      `It is not known whether ${id} is in use: ${unknown.join("; ")}.`,
      { remedy: "If you know that it is free, use --force." },
    );
  }
}

function usesOf({ open, holders, pod, managedUse }: DeviceUse): string[] {
  if (pod !== undefined) {
    return [
      `the pod ${pod.namespace}/${pod.pod} owns it (container ${pod.container})`,
      ...openUses(open, holders),
    ];
  }
  return managedUse === Use.IN_USE && open !== true && holders.length === 0
    ? ["the running plugin has allocated it to a pod"]
    : openUses(open, holders);
}

function openUses(open: boolean | undefined, holders: readonly Holder[]): string[] {
  if (holders.length > 0) return [`it is open in ${describeHolders(holders)}`];
  return open === true ? ["it is open in a process that can't be seen from here"] : [];
}

function unknownOf({ open, podUnknown, managedUse }: DeviceUse): string[] {
  return [
    ...(podUnknown === "" ? [] : [`the kubelet doesn't say which pod owns it (${podUnknown})`]),
    ...(managedUse === Use.UNSPECIFIED
      ? ["the running plugin doesn't know whether a pod owns it"]
      : []),
    ...(open === undefined
      ? ["only root sees whether it is open, and only where /sys is writable"]
      : []),
  ];
}
