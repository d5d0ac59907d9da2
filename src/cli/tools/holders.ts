import { PluginError } from "../../common/plugin-error.ts";
import { formatDevice } from "../../linux/device-number.ts";
import { describeHolders, findHolders, type Holder } from "../../v4l2/holders.ts";
import type { Target } from "./target.ts";

/** Other processes that hold the device open, as far as this process can see them. */
export function holdersOf({ device }: Pick<Target, "device">, procDir = "/proc"): Holder[] {
  if (device === undefined) return [];
  const holders = findHolders([device], procDir).get(formatDevice(device)) ?? [];
  return holders.filter(({ pid }) => pid !== process.pid);
}

/** Adds the processes that hold the device open to a `device_busy` error; returns any other error as it is. */
export function withHolders(error: unknown, target: Target): unknown {
  if (!(error instanceof PluginError) || error.code !== "device_busy") return error;
  return new PluginError(error.code, `${error.message} ${openBy(holdersOf(target))}`, {
    cause: error,
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
  });
}

/** A sentence on the processes that hold a device open. */
export function openBy(holders: readonly Holder[]): string {
  return holders.length === 0
    ? "No process that can be seen from here has it open."
    : `It is open in ${describeHolders(holders)}.`;
}
