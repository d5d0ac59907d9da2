import { PluginError } from "../common/plugin-error.ts";
import { deviceId, feedNumber } from "../v4l2/device-ids.ts";
import type { Cleaning, DriverDevice } from "./driver.ts";

export interface DriverDeviceOptions {
  /** Path of a device's node on the host, from its ID. */
  readonly hostPath: (id: string) => string;
  readonly cleaning: Cleaning;
  /** True if each device is a ready camera, with a feed as its second node. Default false. */
  readonly ready?: boolean;
}

/**
 * The devices of the `wanted` numbers and, as surplus ones, those of the `allocated` numbers beyond them: ascending,
 * each once.
 */
export function driverDevices(
  wanted: readonly number[],
  allocated: readonly number[],
  options: DriverDeviceOptions,
): readonly DriverDevice[] {
  return [...new Set([...wanted, ...allocated])]
    .sort((a, b) => a - b)
    .map((number): DriverDevice => {
      const device: DriverDevice = {
        ...{ id: deviceId(number), number, cleaning: options.cleaning },
        nodes: nodesOf(number, options),
      };
      return wanted.includes(number) ? device : { ...device, surplus: true };
    });
}

function nodesOf(
  number: number,
  { hostPath, ready = false }: DriverDeviceOptions,
): DriverDevice["nodes"] {
  const first = hostPath(deviceId(number));
  if (!ready) return [{ hostPath: first }];
  return [
    { hostPath: first, role: "camera" },
    { hostPath: hostPath(deviceId(feedNumber(number))), role: "feed" },
  ];
}

/** @throws PluginError `device_unknown`. */
export function findDevice(devices: readonly DriverDevice[], id: string): DriverDevice {
  const device = devices.find((candidate) => candidate.id === id);
  if (device !== undefined) return device;
  throw new PluginError("device_unknown", `${id} is not a device of this driver.`);
}
