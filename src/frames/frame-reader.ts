import type { Clock } from "../common/clock.ts";
import { PluginError } from "../common/plugin-error.ts";
import { errnoNameOf } from "../linux/errno-error.ts";
import type { VideoFile } from "../v4l2/video-file.ts";
import { CAP_READWRITE, CAP_STREAMING, fourcc } from "../v4l2/video-structs.ts";
import type { FrameLayout } from "./decode.ts";
import { openDevice } from "./open-device.ts";
import { captureStreamed, type StreamCalls } from "./stream-reader.ts";

/** The bytes of a frame, and their layout. */
export interface CapturedFrame {
  readonly bytes: Uint8Array;
  readonly layout: FrameLayout;
}

/** Milliseconds between two reads: an eighth of a frame at 30 a second. */
const pollMs = 4;

/**
 * Milliseconds to wait for another frame after the first. The first may come from a buffer that no writer has filled yet:
 * v4l2loopback 0.14 and later keep the write position when a writer ends.
 */
const secondFrameMs = 500;

/**
 * Reads the current frame of a device: with read(2) of one that a program writes to, or from a stream of the device's
 * own buffers where it has no read(2), as most cameras. Both leave the format as it is.
 *
 * @throws PluginError `no_frames` if none comes in time, `device_busy` if this version of v4l2loopback allows one reader
 * and has it, `read_not_supported`, of {@link openDevice} or of {@link captureStreamed}.
 */
export async function captureFrame(
  path: string,
  timeoutMs: number,
  calls: StreamCalls,
  clock: Clock,
): Promise<CapturedFrame> {
  const { file: opened, capabilities } = openDevice(path, calls);
  using file = opened;
  const { layout, imageBytes } = readLayout(path, file);
  if ((capabilities.deviceCaps & (CAP_READWRITE | CAP_STREAMING)) === CAP_STREAMING) {
    return { bytes: await captureStreamed(path, file, timeoutMs, { calls, clock }), layout };
  }
  const into = new Uint8Array(Math.max(imageBytes, 1));
  let bytes: Uint8Array | undefined;
  let deadline = clock.now() + timeoutMs;
  while (clock.now() < deadline) {
    const count = read(path, file, into);
    if (count === undefined || count === 0) {
      await clock.sleep(pollMs);
    } else if (bytes === undefined) {
      bytes = into.slice(0, count);
      deadline = Math.min(deadline, clock.now() + secondFrameMs);
    } else {
      bytes = into.slice(0, count);
      break;
    }
  }
  if (bytes === undefined) throw noFrames(path, `none came in ${timeoutMs / 1000} s`);
  return { bytes, layout };
}

/** The error `no_frames`. */
export function noFrames(path: string, why: string, cause?: unknown): PluginError {
  return new PluginError("no_frames", `${path} has no frames: ${why}.`, {
    cause,
    remedy: `Have a program write to it, for instance: video-device-plugin testpattern ${path}`,
  });
}

function readLayout(path: string, file: VideoFile): { layout: FrameLayout; imageBytes: number } {
  try {
    const { width, height, pixelFormat, bytesPerLine, imageBytes } = file.getFormat("capture");
    return { layout: { width, height, fourcc: fourcc(pixelFormat), bytesPerLine }, imageBytes };
  } catch (cause) {
    const errno = errnoNameOf(cause);
    if (errno === "EINVAL") throw noFrames(path, "no program writes to it", cause);
    throw cause;
  }
}

function read(path: string, file: VideoFile, into: Uint8Array): number | undefined {
  try {
    return file.read(into);
  } catch (cause) {
    switch (errnoNameOf(cause)) {
      case "EIO":
        throw noFrames(path, "no program writes to it", cause);
      case "EBUSY":
        throw new PluginError(
          "device_busy",
          `${path} has a reader, and this version of v4l2loopback allows only one.`,
          { cause, remedy: `Stop the reader; see which program it is: fuser -v ${path}` },
        );
      case "EINVAL":
        throw new PluginError(
          "read_not_supported",
          `${path} does not support read(2); few real cameras do.`,
          { cause, remedy: "Use it on a loopback device." },
        );
      default:
        throw cause;
    }
  }
}
