import { PluginError } from "../../../common/plugin-error.ts";
import { maxDeviceNumber, numbersFrom } from "../../../v4l2/device-ids.ts";
import type { DriverDevice } from "../../driver.ts";
import { driverDevices } from "../../driver-devices.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import { readSysfs } from "./sysfs.ts";

export type NumberSettings = Pick<
  LoopbackSettings,
  "firstDeviceNumber" | "maxDevices" | "heldNumbers" | "numberTaken" | "sysfsDir"
>;

/**
 * The devices this driver will answer for, fixed from here on. With `elsewhere` the numbers of other
 * drivers' devices are passed over: so the IDs stay the same over restarts as long as those devices do,
 * and a camera that is plugged in later on one of the numbers is refused as with `refuse`.
 *
 * @throws PluginError `device_numbers_exhausted` if there aren't so many free numbers up to 255.
 */
export function chooseNumbers(settings: NumberSettings): readonly DriverDevice[] {
  const { firstDeviceNumber, maxDevices } = settings;
  const candidates = numbersFrom(
    firstDeviceNumber,
    Math.max(0, maxDeviceNumber + 1 - firstDeviceNumber),
  );
  const taken = settings.numberTaken === "elsewhere" ? foreign(candidates, settings) : [];
  const numbers = candidates.filter((number) => !taken.includes(number)).slice(0, maxDevices);
  if (numbers.length < maxDevices) {
    throw new PluginError(
      "device_numbers_exhausted",
      `From video${firstDeviceNumber} to video${maxDeviceNumber}, the last there can be, ${numbers.length} numbers are to be had, and ${maxDevices} devices are wanted.`,
      { remedy: "Lower FIRST_DEVICE_NUMBER or MAX_DEVICES." },
    );
  }
  return driverDevices(numbers, settings.heldNumbers ?? [], {
    hostPath: (id) => `/dev/${id}`,
    cleaning: "reset",
  });
}

function foreign(numbers: readonly number[], { sysfsDir }: NumberSettings): readonly number[] {
  const { devices } = readSysfs(sysfsDir, numbers);
  return [...devices.values()].filter(({ loopback }) => !loopback).map(({ number }) => number);
}
