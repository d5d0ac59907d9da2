import type { DriverDevice } from "./driver.ts";

/** VIDEO_NUM_DEVICES - 1, drivers/media/v4l2-core/v4l2-dev.c: a higher number becomes a free one. */
export const MAX_DEVICE_NUMBER = 255;

/** `video10` for 10: device ID, node name and sysfs name at once. */
export function deviceId(number: number): string {
  return `video${number}`;
}

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

/** `count` numbers from `first` on. */
export function numbersFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}
