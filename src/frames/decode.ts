import { PluginError } from "../common/plugin-error.ts";
import { toRgb } from "./colour-space.ts";
import { blankPicture, type Colour, type Picture } from "./picture.ts";

/** The layout of a frame in memory, from VIDIOC_G_FMT. */
export interface FrameLayout {
  readonly width: number;
  readonly height: number;
  /** Four-character code: `YUYV`. */
  readonly fourcc: string;
  /** Bytes from a row (of the first plane) to the next; 0 if there is no padding. */
  readonly bytesPerLine: number;
}

interface Decoder {
  /** Bytes of a row without padding. */
  rowBytes(width: number): number;
  /** Bytes of a whole frame. */
  frameBytes(stride: number, width: number, height: number): number;
  /** The colour of a pixel. */
  read(frame: Uint8Array, stride: number, x: number, y: number, height: number): Colour;
}

/** Decoders by format; linux/videodev2.h has the order of the bytes. */
const decoders: Readonly<Record<string, Decoder>> = {
  YUYV: packedYuv(0, 1, 3),
  YVYU: packedYuv(0, 3, 1),
  UYVY: packedYuv(1, 0, 2),
  YU12: planarYuv((chromaPlane) => [0, chromaPlane]),
  YV12: planarYuv((chromaPlane) => [chromaPlane, 0]),
  NV12: interleavedYuv(0, 1),
  NV21: interleavedYuv(1, 0),
  RGB3: packedRgb(3, 0, 1, 2),
  BGR3: packedRgb(3, 2, 1, 0),
  BGR4: packedRgb(4, 2, 1, 0),
  XR24: packedRgb(4, 2, 1, 0),
  AR24: packedRgb(4, 2, 1, 0),
  RGB4: packedRgb(4, 1, 2, 3),
  GREY: packedRgb(1, 0, 0, 0),
};

/** The formats that {@link decodeFrame} accepts. */
export const decodableFormats: readonly string[] = Object.keys(decoders);

/**
 * Decodes a frame.
 * @throws PluginError `format_not_supported`, or `frame_too_short`.
 */
export function decodeFrame(frame: Uint8Array, layout: FrameLayout): Picture {
  const { width, height, fourcc } = layout;
  const decoder = decoders[fourcc];
  if (decoder === undefined) {
    throw new PluginError(
      "format_not_supported",
      `Frames of the format ${JSON.stringify(fourcc)} can't be shown, only ${decodableFormats.join(", ")}.`,
      { remedy: "Have the writer send one of these formats." },
    );
  }
  const stride = Math.max(layout.bytesPerLine, decoder.rowBytes(width));
  const needed = decoder.frameBytes(stride, width, height);
  if (frame.length < needed) {
    throw new PluginError(
      "frame_too_short",
      `A frame of ${frame.length} bytes came, and ${width}x${height} ${fourcc} has ${needed}.`,
      { remedy: "Try again: the writer may have changed its format." },
    );
  }
  const picture = blankPicture(width, height);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      picture.data.set(decoder.read(frame, stride, x, y, height), to);
    }
  }
  return picture;
}

function packedRgb(bytes: number, red: number, green: number, blue: number): Decoder {
  return {
    rowBytes: (width) => width * bytes,
    frameBytes: (stride, _, height) => stride * height,
    read(frame, stride, x, y) {
      const at = y * stride + x * bytes;
      return [frame[at + red] ?? 0, frame[at + green] ?? 0, frame[at + blue] ?? 0];
    },
  };
}

/** Two pixels in four bytes, with the offsets of the first pixel's luma and of both differences. */
function packedYuv(y0: number, u: number, v: number): Decoder {
  return {
    rowBytes: (width) => Math.ceil(width / 2) * 4,
    frameBytes: (stride, _, height) => stride * height,
    read(frame, stride, x, y) {
      const pair = y * stride + (x >> 1) * 4;
      return toRgb(frame[pair + y0 + (x & 1) * 2] ?? 0, frame[pair + u] ?? 0, frame[pair + v] ?? 0);
    },
  };
}

/** A plane of luma and two of a quarter of its size; `order` maps that size to the places of U and V after the luma. */
function planarYuv(order: (chromaPlane: number) => readonly [number, number]): Decoder {
  return {
    rowBytes: (width) => width,
    frameBytes: (stride, _, height) => stride * height + 2 * chromaPlane(stride, height),
    read(frame, stride, x, y, height) {
      const [u, v] = order(chromaPlane(stride, height));
      const at = stride * height + (y >> 1) * Math.ceil(stride / 2) + (x >> 1);
      return toRgb(frame[y * stride + x] ?? 0, frame[at + u] ?? 0, frame[at + v] ?? 0);
    },
  };
}

function chromaPlane(stride: number, height: number): number {
  return Math.ceil(stride / 2) * Math.ceil(height / 2);
}

/** A plane of luma and one with U and V alternating, at these offsets. */
function interleavedYuv(u: number, v: number): Decoder {
  return {
    rowBytes: (width) => width,
    frameBytes: (stride, _, height) => stride * (height + Math.ceil(height / 2)),
    read(frame, stride, x, y, height) {
      const at = stride * height + (y >> 1) * stride + (x & ~1);
      return toRgb(frame[y * stride + x] ?? 0, frame[at + u] ?? 0, frame[at + v] ?? 0);
    },
  };
}
