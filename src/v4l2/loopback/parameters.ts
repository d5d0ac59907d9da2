import { checkLabel } from "./card-label.ts";

/** MAX_DEVICES of v4l2loopback.c, every version: a ninth array element is EINVAL, the load fails. */
export const MAX_PARAMETER_DEVICES = 8;

/** MAX_BUFFERS of v4l2loopback.c. More than this through ADD overruns an array before 0.15.4. */
export const MAX_BUFFERS = 32;

/** What the devices should be like; the same for all. */
export interface DeviceParameters {
  /** At most 31 bytes of UTF-8 without commas and double quotes; empty: the module's default. */
  readonly cardLabel: string;
  /** Announce only what the device can do right now (browsers want that), not capture and output. */
  readonly exclusiveCaps: boolean;
  /** 1..32; anything beyond is clamped, as the module does at load. */
  readonly maxBuffers: number;
}

/** `maxBuffers` as the module may safely be given it. */
export function clampBuffers(maxBuffers: number): number {
  return Math.min(MAX_BUFFERS, Math.max(1, Math.trunc(maxBuffers)));
}

/**
 * The parameter string for loading v4l2loopback with devices of these numbers, of which only the first
 * {@link MAX_PARAMETER_DEVICES} fit. Every array has an element a device: a single value would be the
 * first device's alone. The quotes are around the whole value, as next_arg (lib/cmdline.c) wants them.
 *
 * @throws PluginError `card_label_invalid`.
 */
export function moduleParameters(numbers: readonly number[], device: DeviceParameters): string {
  checkLabel(device.cardLabel);
  const fitting = numbers.slice(0, MAX_PARAMETER_DEVICES);
  const forEach = (value: string) => fitting.map(() => value).join(",");
  return [
    `devices=${fitting.length}`,
    `video_nr=${fitting.join(",")}`,
    `exclusive_caps=${forEach(device.exclusiveCaps ? "1" : "0")}`,
    ...(device.cardLabel === "" ? [] : [`card_label="${forEach(device.cardLabel)}"`]),
    `max_buffers=${clampBuffers(device.maxBuffers)}`,
  ].join(" ");
}
