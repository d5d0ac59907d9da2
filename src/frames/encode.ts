import { blueDifference, luma, redDifference } from "./colour-space.ts";
import type { Picture } from "./picture.ts";

/** Formats that {@link encodeFrame} can write. */
export const frameFormats = ["YUYV", "YU12", "NV12", "RGB24"] as const;
export type FrameFormat = (typeof frameFormats)[number];

/** Formats in which neighbouring pixels share a colour, their mean: two in YUYV, four in the others. */
export type YuvFormat = Exclude<FrameFormat, "RGB24">;

/** A frame without padding. Width and height are even. */
export interface YuvFrame {
  readonly format: YuvFormat;
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Size of a frame in bytes. Width and height must be even. */
export function frameBytes(format: FrameFormat, width: number, height: number): number {
  const pixels = width * height;
  if (format === "RGB24") return pixels * 3;
  return format === "YUYV" ? pixels * 2 : pixels + pixels / 2;
}

/** Encodes a picture as a frame without padding. Width and height must be even. */
export function encodeFrame(picture: Picture, format: FrameFormat): Uint8Array {
  if (format === "RGB24") return picture.data;
  const { width, height } = picture;
  const data = new Uint8Array(frameBytes(format, width, height));
  encodeInto({ format, width, height, data }, picture, 0, 0);
  return data;
}

/**
 * Encodes a picture as a part of a frame, from (left, top) on. The picture must lie inside the frame, and all of its
 * edges on even pixels.
 */
export function encodeInto(frame: YuvFrame, picture: Picture, left: number, top: number): void {
  if (frame.format === "YUYV") encodeYuyv(frame, picture, left, top);
  else encodeQuartered(frame, picture, left, top);
}

function encodeYuyv(frame: YuvFrame, picture: Picture, left: number, top: number): void {
  const { data: to } = frame;
  const { width, height, data } = picture;
  for (let y = 0, from = 0; y < height; y++) {
    let at = ((top + y) * frame.width + left) * 2;
    for (let x = 0; x < width; x += 2, from += 6, at += 4) {
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
      to[at] = luma(r0, g0, b0);
      to[at + 1] = blueDifference(red, green, blue);
      to[at + 2] = luma(r1, g1, b1);
      to[at + 3] = redDifference(red, green, blue);
    }
  }
}

/** YU12 and NV12: a plane of luma, then the differences in two planes of a quarter of its size, or in turn. */
function encodeQuartered(frame: YuvFrame, picture: Picture, left: number, top: number): void {
  const { data: to } = frame;
  const { width, height, data } = picture;
  for (let y = 0, from = 0; y < height; y++) {
    let at = (top + y) * frame.width + left;
    for (let x = 0; x < width; x++, from += 3, at++) {
      to[at] = luma(data[from] ?? 0, data[from + 1] ?? 0, data[from + 2] ?? 0);
    }
  }
  const pixels = frame.width * frame.height;
  const [step, toRed] = frame.format === "NV12" ? [2, 1] : [1, pixels / 4];
  const row = width * 3;
  for (let y = 0; y < height; y += 2) {
    let at = pixels + step * (((top + y) / 2) * (frame.width / 2) + left / 2);
    for (let from = y * row, end = from + row; from < end; from += 6, at += step) {
      const red = mean(data, from, row);
      const green = mean(data, from + 1, row);
      const blue = mean(data, from + 2, row);
      to[at] = blueDifference(red, green, blue);
      to[at + toRed] = redDifference(red, green, blue);
    }
  }
}

/** Mean of a channel's value in two pixels and in the two below them. */
function mean(data: Uint8Array, at: number, row: number): number {
  const below = at + row;
  return ((data[at] ?? 0) + (data[at + 3] ?? 0) + (data[below] ?? 0) + (data[below + 3] ?? 0)) >> 2;
}
