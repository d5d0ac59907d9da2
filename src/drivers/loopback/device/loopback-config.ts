import { clampBuffers, type DeviceParameters, type DeviceRequest } from "../module/parameters.ts";
import { cutLabel } from "./card-label.ts";

/**
 * `struct v4l2_loopback_config` of v4l2loopback.h: the same in every version since 0.13.0, and on x86_64
 * and aarch64. Offsets in bytes.
 */
export const CONFIG_BYTES = 72;
export const CONFIG_OFFSETS = {
  outputNumber: 0,
  captureNumber: 4,
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
 * The struct for ADD. What is left 0 (least sizes, openers) becomes the module's default.
 *
 * `announce_all_caps` is always 0 or 1, for what a negative one means was inverted in 0.13; and more than
 * 32 buffers would overrun an array of the kernel before 0.15.4.
 */
export function encodeConfig(request: DeviceRequest, parameters: DeviceParameters): Uint8Array {
  const bytes = new Uint8Array(CONFIG_BYTES);
  const view = new DataView(bytes.buffer);
  // x86_64 and aarch64 are little-endian, as is all that Bun runs on.
  view.setInt32(CONFIG_OFFSETS.outputNumber, request.number, true);
  bytes.set(Buffer.from(cutLabel(request.label)), CONFIG_OFFSETS.cardLabel);
  view.setUint32(CONFIG_OFFSETS.maxWidth, parameters.maxWidth, true);
  view.setUint32(CONFIG_OFFSETS.maxHeight, parameters.maxHeight, true);
  view.setInt32(CONFIG_OFFSETS.maxBuffers, clampBuffers(parameters.maxBuffers), true);
  view.setInt32(CONFIG_OFFSETS.announceAllCaps, parameters.exclusiveCaps ? 0 : 1, true);
  return bytes;
}

/** The struct for QUERY, which fills in the rest. */
export function encodeQuery(number: number): Uint8Array {
  const bytes = new Uint8Array(CONFIG_BYTES);
  const view = new DataView(bytes.buffer);
  view.setInt32(CONFIG_OFFSETS.outputNumber, number, true);
  view.setInt32(CONFIG_OFFSETS.captureNumber, number, true);
  return bytes;
}

/** What QUERY answered, for a device as the module has it. */
export function decodeConfig(bytes: Uint8Array): DeviceParameters {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    exclusiveCaps: view.getInt32(CONFIG_OFFSETS.announceAllCaps, true) === 0,
    maxBuffers: view.getInt32(CONFIG_OFFSETS.maxBuffers, true),
    maxWidth: view.getUint32(CONFIG_OFFSETS.maxWidth, true),
    maxHeight: view.getUint32(CONFIG_OFFSETS.maxHeight, true),
  };
}
