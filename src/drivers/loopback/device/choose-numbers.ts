import { PluginError } from "../../../common/plugin-error.ts";
import { feedNumber, maxDeviceNumber, numbersFrom } from "../../../v4l2/device-ids.ts";
import type { DriverDevice } from "../../driver.ts";
import { driverDevices } from "../../driver-devices.ts";
import type { LoopbackSettings } from "../loopback-settings.ts";
import { readVideoDevices } from "./sysfs.ts";

export type NumberSettings = Pick<
  LoopbackSettings,
  | "firstDeviceNumber"
  | "maxDevices"
  | "allocatedNumbers"
  | "numberTaken"
  | "sysfsDir"
  | "pairs"
  | "reservedNumbers"
>;

/**
 * The devices of a driver, for its life. With `elsewhere` the numbers of other drivers' devices are skipped: the IDs
 * stay the same over restarts while those devices stay. A camera that is plugged in later, on one of our numbers, is
 * refused as with `refuse`.
 *
 * @throws PluginError `device_numbers_exhausted` if there aren't so many free numbers up to 255.
 */
export function chooseNumbers(settings: NumberSettings): readonly DriverDevice[] {
  const { firstDeviceNumber, maxDevices, numberTaken, sysfsDir, pairs = false } = settings;
  const candidates = numbersFrom(
    firstDeviceNumber,
    Math.max(0, maxDeviceNumber + 1 - firstDeviceNumber),
  );
  const foreign =
    numberTaken === "elsewhere"
      ? readVideoDevices(sysfsDir).filter(({ loopback }) => !loopback)
      : [];
  const isFree = (candidate: number) =>
    !settings.reservedNumbers?.has(candidate) &&
    !foreign.some(({ number }) => number === candidate);
  const hasFreeFeed = (candidate: number) =>
    isFree(feedNumber(candidate)) && !isFeedOf(candidate, firstDeviceNumber);
  const numbers = candidates
    .filter((candidate) => isFree(candidate) && (!pairs || hasFreeFeed(candidate)))
    .slice(0, maxDevices);
  if (numbers.length < maxDevices) {
    throw new PluginError(
      "device_numbers_exhausted",
      `From video${firstDeviceNumber} to video${maxDeviceNumber}, the last possible one, ${numbers.length} numbers are free, and ${maxDevices} devices are wanted.`,
      { remedy: "Lower FIRST_DEVICE_NUMBER or MAX_DEVICES." },
    );
  }
  // A plain device that a pod still owns may have the number of a feed: the feed is missing until the pod has ended.
  const isOther = (number: number) => !pairs || !numbers.includes(feedNumber(number));
  return driverDevices(numbers, (settings.allocatedNumbers ?? []).filter(isOther), {
    hostPath: (id) => `/dev/${id}`,
    cleaning: "reset",
    ready: pairs,
  });
}

/** True if the number is the feed of one that comes first. */
function isFeedOf(number: number, firstDeviceNumber: number): boolean {
  const other = feedNumber(number);
  return other < number && other >= firstDeviceNumber;
}
