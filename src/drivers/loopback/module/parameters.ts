import { checkLabel } from "../device/card-label.ts";

/** MAX_DEVICES of v4l2loopback.c, every version: a ninth array element is EINVAL, the load fails. */
export const MAX_PARAMETER_DEVICES = 8;

/** MAX_BUFFERS of v4l2loopback.c. More than this through ADD overruns an array before 0.15.4. */
export const MAX_BUFFERS = 32;

/** What all devices are like. */
export interface DeviceParameters {
  /** Announce only what the device can do right now (browsers want that), not capture and output. */
  readonly exclusiveCaps: boolean;
  /** 1..32; anything beyond is clamped, as the module does at load. */
  readonly maxBuffers: number;
  /** Largest frame, pixels; bounds the kernel memory a writer can take: width x height x 4 x buffers. */
  readonly maxWidth: number;
  readonly maxHeight: number;
}

/** What one device is to be. */
export interface DeviceRequest {
  readonly number: number;
  /** At most 31 bytes of UTF-8; empty: the module's default. */
  readonly label: string;
}

/** Parameters that {@link moduleParameters} sets. */
export const OUR_PARAMETERS: readonly string[] = [
  ...["devices", "video_nr", "exclusive_caps", "card_label"],
  ...["max_buffers", "max_width", "max_height"],
];

/** `maxBuffers` as the module may safely be given it. */
export function clampBuffers(maxBuffers: number): number {
  return Math.min(MAX_BUFFERS, Math.max(1, Math.trunc(maxBuffers)));
}

/**
 * The parameter string for loading v4l2loopback with these devices, of which only the first
 * {@link MAX_PARAMETER_DEVICES} fit. Every array has an element a device: a single value would be the
 * first device's alone. Without devices, what is left are the defaults of those that are added later.
 * The quotes are around the whole value, as next_arg (lib/cmdline.c) wants them.
 *
 * @throws PluginError `card_label_invalid`.
 */
export function moduleParameters(
  devices: readonly DeviceRequest[],
  parameters: DeviceParameters,
): string {
  const fitting = devices.slice(0, MAX_PARAMETER_DEVICES);
  for (const { label } of fitting) checkLabel(label);
  const devicesOf = (name: string, values: readonly (string | number)[]) =>
    values.length === 0 ? [] : [`${name}=${values.join(",")}`];
  const exclusive = parameters.exclusiveCaps ? "1" : "0";
  const labels = fitting.map(({ label }) => label);
  return [
    `devices=${fitting.length}`,
    ...devicesOf(
      "video_nr",
      fitting.map(({ number }) => number),
    ),
    ...devicesOf(
      "exclusive_caps",
      fitting.map(() => exclusive),
    ),
    ...(labels.every((label) => label === "") ? [] : [`card_label="${labels.join(",")}"`]),
    `max_buffers=${clampBuffers(parameters.maxBuffers)}`,
    `max_width=${parameters.maxWidth}`,
    `max_height=${parameters.maxHeight}`,
  ].join(" ");
}
