import { PluginError } from "../common/plugin-error.ts";
import { deviceId } from "../v4l2/device-ids.ts";
import type { Cleaning, DriverDevice } from "./driver.ts";

export interface DriverDeviceOptions {
  /** Path of a device's node on the host, from its ID. */
  readonly hostPath: (id: string) => string;
  readonly cleaning: Cleaning;
}

/**
 * The devices of the `wanted` numbers and, as surplus ones, those of the `allocated` numbers beyond them: ascending,
 * each once.
 */
export function driverDevices(
  wanted: readonly number[],
  allocated: readonly number[],
  { hostPath, cleaning }: DriverDeviceOptions,
): readonly DriverDevice[] {
  return [...new Set([...wanted, ...allocated])]
    .sort((a, b) => a - b)
    .map((number): DriverDevice => {
      const id = deviceId(number);
      const device: DriverDevice = { id, number, nodes: [{ hostPath: hostPath(id) }], cleaning };
      return wanted.includes(number) ? device : { ...device, surplus: true };
    });
}

/** @throws PluginError `device_unknown`. */
export function findDevice(devices: readonly DriverDevice[], id: string): DriverDevice {
  const device = devices.find((candidate) => candidate.id === id);
  if (device !== undefined) return device;
  throw new PluginError("device_unknown", `${id} is not a device of this driver.`);
}
