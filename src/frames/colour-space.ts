import type { Colour } from "./picture.ts";

/**
 * Converts between RGB and Y'CbCr in the limited range of ITU-R BT.601, the default of V4L2, with the usual eight-bit
 * integers (Microsoft, "Recommended 8-Bit YUV Formats").
 */
export function luma(red: number, green: number, blue: number): number {
  return ((66 * red + 129 * green + 25 * blue + 128) >> 8) + 16;
}

/** Cb, "U". */
export function blueDifference(red: number, green: number, blue: number): number {
  return ((-38 * red - 74 * green + 112 * blue + 128) >> 8) + 128;
}

/** Cr, "V". */
export function redDifference(red: number, green: number, blue: number): number {
  return ((112 * red - 94 * green - 18 * blue + 128) >> 8) + 128;
}

/** The colour of a pixel, clamped to the range. */
export function toRgb(y: number, u: number, v: number): Colour {
  const bright = 298 * (y - 16) + 128;
  const blue = u - 128;
  const red = v - 128;
  return [
    clamp((bright + 409 * red) >> 8),
    clamp((bright - 100 * blue - 208 * red) >> 8),
    clamp((bright + 516 * blue) >> 8),
  ];
}

function clamp(value: number): number {
  return Math.max(0, Math.min(255, value));
}
