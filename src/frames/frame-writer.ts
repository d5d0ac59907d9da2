import { PluginError } from "../common/plugin-error.ts";
import { errnoNameOf } from "../linux/errno-error.ts";
import type { Ioctl, VideoFile } from "../v4l2/video-file.ts";
import {
  CAP_VIDEO_CAPTURE,
  CAP_VIDEO_OUTPUT,
  type FormatRequest,
  type FrameInterval,
  fourcc,
} from "../v4l2/video-structs.ts";
import { openDevice } from "./open-device.ts";

/** Format and rate of the frames to write. */
export interface WriterRequest extends FormatRequest {
  /** Frames per second for readers to see; undefined to keep the device's. */
  readonly rate?: number;
}

/** A device to which this process writes frames, until `close`. */
export interface FrameWriter extends Disposable {
  /** The device's card label. */
  readonly card: string;
  /** @throws PluginError `device_busy` or `write_failed`. */
  write(frame: Uint8Array): void;
  /** Restores the frame rate and closes the device. */
  close(): void;
}

/**
 * Opens a device as its writer, in a way that works with every version of v4l2loopback: 0.12 needs STREAMON before the
 * first write, or loses its capabilities after it; in 0.14 and later STREAMON without buffers is EINVAL, and a write
 * alone suffices.
 *
 * @throws PluginError `device_busy`, `dead_caps`, `format_refused`, or of {@link openDevice}.
 */
export function openFrameWriter(path: string, request: WriterRequest, calls: Ioctl): FrameWriter {
  const {
    file,
    capabilities: { card, deviceCaps },
  } = openDevice(path, calls);
  try {
    requireOutput(path, deviceCaps);
    setFormat(path, file, request);
    const before = request.rate === undefined ? undefined : setRate(file, request.rate);
    startStreaming(path, file);
    const close = () => {
      try {
        if (before !== undefined) file.setFrameInterval("output", before);
      } catch {
        // Readers can do without the rate, so a stop doesn't fail for it.
      } finally {
        file.close();
      }
    };
    return {
      card,
      write: (frame) => write(path, file, frame),
      close,
      [Symbol.dispose]: close,
    };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** The error `device_busy`, without the other program's name: only callers may know it. */
export function writtenByOther(path: string, cause?: unknown): PluginError {
  return new PluginError(
    "device_busy",
    `${path} can't be written to: another program does (or did, and its reader still holds it open).`,
    { cause, remedy: `Stop that program; see which it is: fuser -v ${path}` },
  );
}

function requireOutput(path: string, deviceCaps: number): void {
  if ((deviceCaps & CAP_VIDEO_OUTPUT) !== 0) return;
  if ((deviceCaps & CAP_VIDEO_CAPTURE) !== 0) throw writtenByOther(path);
  throw new PluginError(
    "dead_caps",
    `${path} offers neither capture nor output: with v4l2loopback 0.12 this happens after a program that only wrote to it.`,
    { remedy: `Repair it: video-device-plugin devices repair ${path}` },
  );
}

function setFormat(path: string, file: VideoFile, request: FormatRequest): void {
  const wanted = describe(request);
  try {
    const got = file.setFormat("output", request);
    if (describe(got) === wanted) return;
    throw new PluginError("format_refused", `${path} accepts ${describe(got)}, not ${wanted}.`, {
      remedy:
        "Choose a size within the device's limits. If the format is locked, this unlocks it: video-device-plugin devices reset",
    });
  } catch (cause) {
    const errno = errnoNameOf(cause);
    if (errno === "EBUSY") throw writtenByOther(path, cause);
    if (errno === undefined) throw cause;
    throw new PluginError("format_refused", `${path} does not accept ${wanted} (${errno}).`, {
      cause,
      remedy: "Choose another size or format, or see which program uses the device.",
    });
  }
}

function describe({ width, height, pixelFormat }: FormatRequest): string {
  return `${width}x${height} ${fourcc(pixelFormat)}`;
}

/** @returns the rate before, undefined if it is unknown. */
function setRate(file: VideoFile, rate: number): FrameInterval | undefined {
  try {
    const before = file.getFrameInterval("output");
    file.setFrameInterval("output", { numerator: 1, denominator: rate });
    return before.denominator === 0 ? undefined : before;
  } catch (error) {
    if (errnoNameOf(error) === undefined) throw error;
    return undefined; // readers see another rate, and get the same frames
  }
}

function startStreaming(path: string, file: VideoFile): void {
  try {
    file.streamOn("output");
  } catch (cause) {
    const errno = errnoNameOf(cause);
    if (errno === "EBUSY") throw writtenByOther(path, cause);
    if (errno !== "EINVAL") throw cause;
  }
}

function write(path: string, file: VideoFile, frame: Uint8Array): void {
  let accepted: number;
  try {
    accepted = file.write(frame);
  } catch (cause) {
    const errno = errnoNameOf(cause);
    if (errno === "EBUSY") throw writtenByOther(path, cause);
    throw new PluginError("write_failed", `${path} rejected a frame (${errno ?? String(cause)}).`, {
      cause,
      remedy: "See the kernel's log on the host: dmesg | tail",
    });
  }
  if (accepted === frame.length) return;
  throw new PluginError(
    "format_refused",
    `${path} accepted ${accepted} of a frame's ${frame.length} bytes: a reader that came first chose another format.`,
    { remedy: "Stop the reader, or write in its format." },
  );
}
