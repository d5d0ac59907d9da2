import type { DriverDevice } from "./driver.ts";

/** `video10` for 10: device ID, node name and sysfs name at once. */
export function deviceId(number: number): string {
  return `video${number}`;
}

/** The `count` devices from number `first` on, ascending; `hostPath` says where the host has each. */
export function driverDevices(
  first: number,
  count: number,
  hostPath: (id: string) => string,
): readonly DriverDevice[] {
  return Array.from({ length: count }, (_, index) => {
    const number = first + index;
    const id = deviceId(number);
    return { id, number, hostPath: hostPath(id) };
  });
}
