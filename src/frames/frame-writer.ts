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

/** What a writer sends. */
export interface WriterRequest extends FormatRequest {
  /** Frames a second, which readers are told; left as it is if undefined. */
  readonly rate?: number;
}

/** A device somebody (we) feeds, until `close`. */
export interface FrameWriter extends Disposable {
  /** The device's card label. */
  readonly card: string;
  /** @throws PluginError `device_busy` or `write_failed`. */
  write(frame: Uint8Array): void;
  /** Ends it: the frame rate is again what it was. */
  close(): void;
}

/**
 * Opens a device as the one that feeds it, in the way that every version of v4l2loopback takes: 0.12 wants
 * STREAMON before the first write, or the device is dead after it; from 0.14 on STREAMON without buffers
 * is EINVAL, and a write alone does.
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
        // the rate is a courtesy to readers, and nothing that a stop could fail for
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

/** `device_busy`, without who it is: that can't be seen from here. */
export function writtenByOther(path: string, cause?: unknown): PluginError {
  return new PluginError(
    "device_busy",
    `${path} can't be written to: another program does (or did, and a reader of its still has it open).`,
    { cause, remedy: `Stop that program; see who it is: fuser -v ${path}` },
  );
}

function requireOutput(path: string, deviceCaps: number): void {
  if ((deviceCaps & CAP_VIDEO_OUTPUT) !== 0) return;
  if ((deviceCaps & CAP_VIDEO_CAPTURE) !== 0) throw writtenByOther(path);
  throw new PluginError(
    "dead_caps",
    `${path} offers neither capture nor output: v4l2loopback 0.12 leaves a device so after a program that only wrote to it.`,
    { remedy: `Mend it: video-device-plugin devices repair ${path}` },
  );
}

function setFormat(path: string, file: VideoFile, request: FormatRequest): void {
  const wanted = describe(request);
  try {
    const got = file.setFormat("output", request);
    if (describe(got) === wanted) return;
    throw new PluginError("format_refused", `${path} takes ${describe(got)}, not ${wanted}.`, {
      remedy:
        "Choose a size within the device's limits; a format that was locked is freed by: video-device-plugin devices reset",
    });
  } catch (cause) {
    const errno = errnoNameOf(cause);
    if (errno === "EBUSY") throw writtenByOther(path, cause);
    if (errno === undefined) throw cause;
    throw new PluginError("format_refused", `${path} does not take ${wanted} (${errno}).`, {
      cause,
      remedy: "Choose another size or format, or see who uses the device.",
    });
  }
}

function describe({ width, height, pixelFormat }: FormatRequest): string {
  return `${width}x${height} ${fourcc(pixelFormat)}`;
}

/** @returns what it was before, undefined if that can't be known. */
function setRate(file: VideoFile, rate: number): FrameInterval | undefined {
  try {
    const before = file.getFrameInterval("output");
    file.setFrameInterval("output", { numerator: 1, denominator: rate });
    return before.denominator === 0 ? undefined : before;
  } catch (error) {
    if (errnoNameOf(error) === undefined) throw error;
    return undefined; // readers are told a rate that isn't ours, and get the frames all the same
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
  let taken: number;
  try {
    taken = file.write(frame);
  } catch (cause) {
    const errno = errnoNameOf(cause);
    if (errno === "EBUSY") throw writtenByOther(path, cause);
    throw new PluginError("write_failed", `${path} took no frame (${errno ?? String(cause)}).`, {
      cause,
      remedy: "See the kernel's log on the host: dmesg | tail",
    });
  }
  if (taken === frame.length) return;
  throw new PluginError(
    "format_refused",
    `${path} took ${taken} of a frame's ${frame.length} bytes: a reader that came first chose another format.`,
    { remedy: "Stop the reader, or write in the format that it wants." },
  );
}
