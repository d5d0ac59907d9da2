import { PluginError } from "../../../common/plugin-error.ts";
import type { Config } from "../../../config/config.ts";
import type { VideoDriver } from "../../../v4l2/driver.ts";
import { describeHolders, type Holder } from "../../../v4l2/holders.ts";
import { holdersOf } from "../busy.ts";
import type { PodDevice } from "../pod-devices.ts";
import type { Target } from "../target.ts";
import { podDevices } from "./look.ts";

/** Everything that says who uses a device. */
export interface Use {
  readonly id: string;
  /** By the driver's own count; undefined if that can't be known. */
  readonly open: boolean | undefined;
  readonly holders: readonly Holder[];
  readonly pod: Pick<PodDevice, "pod" | "container"> | undefined;
}

/** Finds out who uses the device, without opening it. */
export async function findUse(
  id: string,
  target: Target,
  driver: VideoDriver,
  config: Config,
): Promise<Use> {
  const pods = await podDevices(config);
  return {
    id,
    open: await driver.isOpen(id),
    holders: holdersOf(target),
    pod: pods.find(
      ({ deviceId, resourceName }) => deviceId === id && resourceName === config.resourceName,
    ),
  };
}

/** @throws PluginError `device_in_use` that names who uses it. */
export function refuseInUse({ id, open, holders, pod }: Use): void {
  const reasons = [
    ...(pod === undefined ? [] : [`the pod ${pod.pod} has it (container ${pod.container})`]),
    ...(holders.length === 0 ? [] : [`it is open in ${describeHolders(holders)}`]),
    ...(open === true && holders.length === 0
      ? ["it is open in a process that can't be seen from here"]
      : []),
  ];
  if (reasons.length === 0) return;
  throw new PluginError("device_in_use", `${id} is in use: ${reasons.join("; ")}.`, {
    remedy:
      "Stop who uses it. With --force it is tried all the same; the kernel still keeps a device that is open.",
  });
}
