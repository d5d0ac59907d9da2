import { frameBytes } from "../../../frames/encode.ts";
import { type FormatRequest, type FrameSize, pixelFormats } from "../../../v4l2/video-structs.ts";
import type { ReadySettings } from "./ready-settings.ts";

type Picture = Pick<ReadySettings, "width" | "height" | "pixelFormat">;

/** Sizes that programs use by default, for the explanation of a wrong one. */
const usualSizes: readonly FrameSize[] = [
  { width: 320, height: 240 },
  { width: 640, height: 360 },
  { width: 640, height: 480 },
  { width: 800, height: 600 },
  { width: 854, height: 480 },
  { width: 960, height: 540 },
  { width: 1024, height: 768 },
  { width: 1280, height: 720 },
  { width: 1280, height: 960 },
  { width: 1920, height: 1080 },
  { width: 2560, height: 1440 },
  { width: 3840, height: 2160 },
];

/** The format that both nodes of a ready camera have for their life. */
export function fixedFormat({ width, height, pixelFormat }: Picture): FormatRequest {
  return { width, height, pixelFormat: pixelFormats[pixelFormat] };
}

/** Bytes of a whole frame. Width and height are even. */
export function frameBytesOf({ width, height, pixelFormat }: Picture): number {
  return frameBytes(pixelFormat, width, height);
}

/** What the module's attribute `format` begins with: `YU12:1280x720`. */
export function formatAttribute({ width, height, pixelFormat }: Picture): string {
  return `${pixelFormat}:${width}x${height}`;
}

/** One sentence on frames of a wrong size, for the application's author. */
export function describeWrongSize(bytes: number, camera: Picture): string {
  const alike = (["YUYV", "YU12"] as const).flatMap((pixelFormat) =>
    usualSizes
      .filter((size) => frameBytesOf({ ...size, pixelFormat }) === bytes)
      .map(({ width, height }) => `${width}x${height} ${pixelFormat}`),
  );
  const guess = alike.length === 0 ? "" : `, as ${alike.join(" or ")} has`;
  const { width, height, pixelFormat } = camera;
  return `The feed gets ${bytes} bytes a frame${guess}; this camera is ${width}x${height} ${pixelFormat}.`;
}
