import { clampBuffers, type DeviceParameters, type DeviceRequest } from "../module/parameters.ts";
import { cutLabel } from "./card-label.ts";

/**
 * `struct v4l2_loopback_config` of v4l2loopback.h: the same in every version since 0.13.0, and on x86_64
 * and aarch64. Offsets in bytes.
 */
export const configBytes = 72;
export const configOffsets = {
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
 * The struct for ADD. Fields that stay 0 (least sizes, openers) become the module's defaults.
 *
 * `announce_all_caps` is always 0 or 1: 0.13 inverted the meaning of a negative one. More than 32 buffers would
 * overrun an array of the kernel before 0.15.4.
 */
export function encodeConfig(request: DeviceRequest, parameters: DeviceParameters): Uint8Array {
  const bytes = new Uint8Array(configBytes);
  const view = new DataView(bytes.buffer);
  // x86_64 and aarch64 are little-endian, as is all that Bun runs on.
  view.setInt32(configOffsets.outputNumber, request.number, true);
  bytes.set(Buffer.from(cutLabel(request.label)), configOffsets.cardLabel);
  view.setUint32(configOffsets.maxWidth, parameters.maxWidth, true);
  view.setUint32(configOffsets.maxHeight, parameters.maxHeight, true);
  view.setInt32(configOffsets.maxBuffers, clampBuffers(parameters.maxBuffers), true);
  view.setInt32(configOffsets.announceAllCaps, parameters.exclusiveCaps ? 0 : 1, true);
  return bytes;
}

/** The struct for QUERY, which the module fills in. */
export function encodeQuery(number: number): Uint8Array {
  const bytes = new Uint8Array(configBytes);
  const view = new DataView(bytes.buffer);
  view.setInt32(configOffsets.outputNumber, number, true);
  view.setInt32(configOffsets.captureNumber, number, true);
  return bytes;
}

/** The answer of QUERY. */
export function decodeConfig(bytes: Uint8Array): DeviceParameters {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    exclusiveCaps: view.getInt32(configOffsets.announceAllCaps, true) === 0,
    maxBuffers: view.getInt32(configOffsets.maxBuffers, true),
    maxWidth: view.getUint32(configOffsets.maxWidth, true),
    maxHeight: view.getUint32(configOffsets.maxHeight, true),
  };
}
