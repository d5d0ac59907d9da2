import type { DeviceNode, DriverDevice } from "../../driver.ts";
import { cardLabelOf, checkLabel, cutLabel, maxLabelBytes } from "../device/card-label.ts";
import { roleOf } from "../ready/pair.ts";

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

/** {@link DeviceParameters} as the configuration has them. */
export interface ParameterSettings extends Omit<DeviceParameters, "maxBuffers"> {
  /** Default: as many as v4l2sink works with, {@link defaultBuffers}. */
  readonly maxBuffers?: number | undefined;
}

/** What one device is created with, beside its {@link DeviceParameters}. */
export interface DeviceRequest {
  readonly number: number;
  /** At most 31 bytes of UTF-8; empty: the module's default. */
  readonly label: string;
  /** Set for the two devices of a ready camera. */
  readonly role?: DeviceNode["role"];
  /** Default: as the role and the {@link DeviceParameters} say. */
  readonly exclusiveCaps?: boolean;
}

/** The request for a device, with its card label filled in. */
export function deviceRequest(
  device: Pick<DriverDevice, "id" | "number"> & Partial<Pick<DriverDevice, "nodes">>,
  { cardLabel, nodeName }: { readonly cardLabel: string; readonly nodeName: string },
): DeviceRequest {
  const { id, number } = device;
  const label = cardLabelOf(cardLabel, { id, n: number, node: nodeName });
  const role = roleOf(device);
  if (role === undefined) return { number, label };
  return { number, role, label: role === "feed" ? feedLabel(label) : label };
}

/** A label for the feed beside cameras of this label. */
function feedLabel(label: string): string {
  const suffix = " feed";
  // Tools know a pair by the label of its feed.
  if (label === "") return `v4l2loopback${suffix}`;
  return cutLabel(label, maxLabelBytes - suffix.length) + suffix;
}

/** The buffers of a device whose settings don't say: GStreamer's v4l2sink works with these (docs/v4l2loopback.md). */
export function defaultBuffers(moduleVersion: string | undefined): number {
  // 0.12 shows no version.
  const [, major = "0", minor = "12"] = /^(\d+)\.(\d+)/.exec(moduleVersion ?? "") ?? [];
  return Number(major) > 0 || Number(minor) >= 14 ? 3 : 2;
}

/**
 * The parameters of a device of this role. A camera shows only what a browser accepts, and has the two buffers with
 * which v4l2src works while the frame rate is sustained. A feed takes any writer, also while it has a reader.
 */
export function parametersOf(
  role: DeviceNode["role"],
  settings: ParameterSettings,
  moduleVersion: string | undefined,
): DeviceParameters {
  const { maxWidth, maxHeight } = settings;
  const common = { maxWidth, maxHeight, exclusiveCaps: exclusiveCapsOf(role, settings) };
  if (role === "camera") return { ...common, maxBuffers: 2 };
  const configured = role === undefined ? settings.maxBuffers : undefined;
  return { ...common, maxBuffers: configured ?? defaultBuffers(moduleVersion) };
}

/** A ready camera and its feed have their own, whatever the settings say of plain devices. */
function exclusiveCapsOf(
  role: DeviceNode["role"],
  { exclusiveCaps }: Pick<DeviceParameters, "exclusiveCaps">,
): boolean {
  return role === undefined ? exclusiveCaps : role === "camera";
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
    ...array("exclusive_caps", ({ role, exclusiveCaps = exclusiveCapsOf(role, parameters) }) =>
      exclusiveCaps ? "1" : "0",
    ),
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
