import type { DriverDevice } from "../../driver.ts";
import { cardLabelOf, checkLabel } from "../device/card-label.ts";

/** MAX_DEVICES of v4l2loopback.c, every version: with a ninth array element the load fails (EINVAL). */
export const maxParameterDevices = 8;

/** MAX_BUFFERS of v4l2loopback.c. More than this through ADD overruns an array before 0.15.4. */
export const maxBuffers = 32;

/** What all devices are like. */
export interface DeviceParameters {
  /** Announce only what the device can do right now (browsers need that), not capture and output. */
  readonly exclusiveCaps: boolean;
  /** 1..32; anything beyond is clamped, as the module does at load. */
  readonly maxBuffers: number;
  /** Largest frame, pixels; bounds the kernel memory that a writer can use: width x height x 4 x buffers. */
  readonly maxWidth: number;
  readonly maxHeight: number;
}

/** What one device is created with, beside its {@link DeviceParameters}. */
export interface DeviceRequest {
  readonly number: number;
  /** At most 31 bytes of UTF-8; empty: the module's default. */
  readonly label: string;
}

/** The request for a device, with its card label filled in. */
export function deviceRequest(
  { id, number }: Pick<DriverDevice, "id" | "number">,
  { cardLabel, nodeName }: { readonly cardLabel: string; readonly nodeName: string },
): DeviceRequest {
  return { number, label: cardLabelOf(cardLabel, { id, n: number, node: nodeName }) };
}

/** The parameters that {@link moduleParameters} sets. */
export const ownParameters: readonly string[] = [
  ...["devices", "video_nr", "exclusive_caps", "card_label"],
  ...["max_buffers", "max_width", "max_height"],
];

/** `maxBuffers` within what is safe for the module. */
export function clampBuffers(buffers: number): number {
  return Math.min(maxBuffers, Math.max(1, Math.trunc(buffers)));
}

/**
 * The parameter string for loading v4l2loopback with these devices, of which only the first
 * {@link maxParameterDevices} fit. Every array has an element a device: a single value would be the first device's
 * alone. Without devices, the parameters are the defaults of those that are added later. The quotes are around the
 * whole value, as next_arg (lib/cmdline.c) wants them.
 *
 * @throws PluginError `card_label_invalid`.
 */
export function moduleParameters(
  devices: readonly DeviceRequest[],
  parameters: DeviceParameters,
): string {
  const fitting = devices.slice(0, maxParameterDevices);
  for (const { label } of fitting) checkLabel(label);
  const array = (name: string, value: (device: DeviceRequest) => string | number) =>
    fitting.length === 0 ? [] : [`${name}=${fitting.map(value).join(",")}`];
  const labels = fitting.map(({ label }) => label);
  return [
    `devices=${fitting.length}`,
    ...array("video_nr", ({ number }) => number),
    ...array("exclusive_caps", () => (parameters.exclusiveCaps ? "1" : "0")),
    ...(labels.every((label) => label === "") ? [] : [`card_label="${labels.join(",")}"`]),
    `max_buffers=${clampBuffers(parameters.maxBuffers)}`,
    `max_width=${parameters.maxWidth}`,
    `max_height=${parameters.maxHeight}`,
  ].join(" ");
}

/**
 * How a host gets devices from a module that is built in and has no control device: such a module creates devices when
 * the kernel starts, and never again. An instruction; of more than {@link maxParameterDevices} numbers the first ones.
 */
export function bootParametersHint(numbers: readonly number[], exclusiveCaps: boolean): string {
  const fitting = numbers.slice(0, maxParameterDevices);
  const caps = fitting.map(() => (exclusiveCaps ? "1" : "0"));
  const parameters = [
    `devices=${fitting.length}`,
    `video_nr=${fitting.join(",")}`,
    `exclusive_caps=${caps.join(",")}`,
  ];
  const line = parameters.map((parameter) => `v4l2loopback.${parameter}`).join(" ");
  return `Add to the kernel's command line on the host, and reboot: ${line}`;
}
