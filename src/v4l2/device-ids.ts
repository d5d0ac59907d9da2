/** VIDEO_NUM_DEVICES - 1, drivers/media/v4l2-core/v4l2-dev.c: the kernel replaces a higher number by a free one. */
export const maxDeviceNumber = 255;

/** `video10` for 10: the device's ID, and its name in /dev and /sys. */
export function deviceId(number: number): string {
  return `video${number}`;
}

/** `count` numbers from `first` on. */
export function numbersFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => first + index);
}

/**
 * Number of the feed of the ready camera `number`, and the other way round: half of all numbers away, so that it
 * depends on the camera alone.
 */
export function feedNumber(number: number): number {
  return number ^ ((maxDeviceNumber + 1) / 2);
}
