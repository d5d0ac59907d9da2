import { blueDifference, luma, redDifference } from "./colour-space.ts";
import type { Picture } from "./picture.ts";

/** Formats that {@link encodeFrame} can write. */
export const frameFormats = ["YUYV", "YU12", "RGB24"] as const;
export type FrameFormat = (typeof frameFormats)[number];

/** Size of a frame in bytes. Width and height must be even. */
export function frameBytes(format: FrameFormat, width: number, height: number): number {
  const pixels = width * height;
  if (format === "RGB24") return pixels * 3;
  return format === "YUYV" ? pixels * 2 : pixels + pixels / 2;
}

/**
 * Encodes a picture as a frame without padding. Width and height must be even. Two (YUYV) or four (YU12) pixels share a
 * colour, which is their mean.
 */
export function encodeFrame(picture: Picture, format: FrameFormat): Uint8Array {
  if (format === "RGB24") return picture.data;
  return format === "YUYV" ? encodeYuyv(picture) : encodeYu12(picture);
}

function encodeYuyv({ width, height, data }: Picture): Uint8Array {
  const frame = new Uint8Array(width * height * 2);
  for (let from = 0, to = 0; to < frame.length; from += 6, to += 4) {
    // No destructuring: an array per pixel makes this ten times slower.
    const r0 = data[from] ?? 0;
    const g0 = data[from + 1] ?? 0;
    const b0 = data[from + 2] ?? 0;
    const r1 = data[from + 3] ?? 0;
    const g1 = data[from + 4] ?? 0;
    const b1 = data[from + 5] ?? 0;
    const red = (r0 + r1) >> 1;
    const green = (g0 + g1) >> 1;
    const blue = (b0 + b1) >> 1;
    frame[to] = luma(r0, g0, b0);
    frame[to + 1] = blueDifference(red, green, blue);
    frame[to + 2] = luma(r1, g1, b1);
    frame[to + 3] = redDifference(red, green, blue);
  }
  return frame;
}

function encodeYu12({ width, height, data }: Picture): Uint8Array {
  const pixels = width * height;
  const frame = new Uint8Array(pixels + pixels / 2);
  for (let at = 0, from = 0; at < pixels; at++, from += 3) {
    frame[at] = luma(data[from] ?? 0, data[from + 1] ?? 0, data[from + 2] ?? 0);
  }
  const row = width * 3;
  let to = pixels;
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2, to++) {
      const at = y * row + x * 3;
      const mean = (channel: number) =>
        ((data[at + channel] ?? 0) +
          (data[at + 3 + channel] ?? 0) +
          (data[at + row + channel] ?? 0) +
          (data[at + row + 3 + channel] ?? 0)) >>
        2;
      const [red, green, blue] = [mean(0), mean(1), mean(2)];
      frame[to] = blueDifference(red, green, blue);
      frame[to + pixels / 4] = redDifference(red, green, blue);
    }
  }
  return frame;
}
