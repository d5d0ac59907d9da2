import { deviceId } from "../v4l2/device-ids.ts";
import type { DriverDevice } from "./driver.ts";

/**
 * The devices of the `wanted` numbers and, as extra ones, those of the `held` numbers beyond them: ascending,
 * each once. `hostPath` says where the host has each.
 */
export function driverDevices(
  wanted: readonly number[],
  held: readonly number[],
  hostPath: (id: string) => string,
): readonly DriverDevice[] {
  return [...new Set([...wanted, ...held])]
    .sort((a, b) => a - b)
    .map((number) => {
      const id = deviceId(number);
      const device = { id, number, hostPath: hostPath(id) };
      return wanted.includes(number) ? device : { ...device, extra: true };
    });
}
