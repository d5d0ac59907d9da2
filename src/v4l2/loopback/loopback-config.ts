import { MAX_LABEL_BYTES } from "./card-label.ts";
import { clampBuffers, type DeviceParameters } from "./parameters.ts";

/**
 * `struct v4l2_loopback_config` of v4l2loopback.h: the same in every version since 0.13.0, and on x86_64
 * and aarch64. Offsets in bytes.
 */
export const CONFIG_BYTES = 72;
export const CONFIG_OFFSETS = {
  outputNumber: 0,
  cardLabel: 8,
  minWidth: 40,
  maxWidth: 44,
  minHeight: 48,
  maxHeight: 52,
  maxBuffers: 56,
  maxOpeners: 60,
  debug: 64,
  announceAllCaps: 68,
} as const;

/**
 * The struct for ADD. What is left 0 (sizes, openers) becomes the module's default.
 *
 * `announce_all_caps` is always 0 or 1, for what a negative one means was inverted in 0.13; and more than
 * 32 buffers would overrun an array of the kernel before 0.15.4.
 */
export function encodeConfig(number: number, device: DeviceParameters): Uint8Array {
  const bytes = new Uint8Array(CONFIG_BYTES);
  const view = new DataView(bytes.buffer);
  const label = Buffer.from(device.cardLabel).subarray(0, MAX_LABEL_BYTES);
  // x86_64 and aarch64 are little-endian, as is all that Bun runs on.
  view.setInt32(CONFIG_OFFSETS.outputNumber, number, true);
  bytes.set(label, CONFIG_OFFSETS.cardLabel);
  view.setInt32(CONFIG_OFFSETS.maxBuffers, clampBuffers(device.maxBuffers), true);
  view.setInt32(CONFIG_OFFSETS.announceAllCaps, device.exclusiveCaps ? 0 : 1, true);
  return bytes;
}
