import type { Clock } from "../common/clock.ts";
import { PluginError } from "../common/plugin-error.ts";
import { errnoNameOf } from "../linux/errno-error.ts";
import type { Ioctl, VideoFile } from "../v4l2/video-file.ts";
import type { FormatRequest } from "../v4l2/video-structs.ts";
import { type FrameWriter, openFrameWriter } from "./frame-writer.ts";
import { openWithoutQuery } from "./open-device.ts";

/** The result of writing frames and reading them back. */
export interface RoundTrip {
  /** How many were written, and came back unchanged. */
  readonly frames: number;
  /** Seconds from writing the first frame to reading the last. */
  readonly seconds: number;
  /** Milliseconds from writing a frame to reading it, ascending. */
  readonly latencies: readonly number[];
}

export interface RoundTripDeps {
  readonly calls: Ioctl;
  readonly clock: Clock;
  /** Monotonic milliseconds, with fractions. */
  readonly now: () => number;
}

/**
 * Frames to write before the first read: one more than the two buffers that a device has by default, so that the first
 * frame read is one of these. From 0.14 on the first read may return another buffer.
 */
const firstFrames = 3;

/** How often the first frame is sent through a relay. */
const meetAttempts = 3;

/** Milliseconds that a frame may take to come back, and between two reads. */
const frameTimeoutMs = 2000;
const pollMs = 1;

/** Where a round trip writes, and what. */
export interface RoundTripRequest extends FormatRequest {
  readonly frameBytes: number;
  /** Path of the camera that shows what is written to a feed. Default: the path that is written to. */
  readonly readPath?: string;
}

/**
 * Writes frames to a free device and reads each back, of a ready camera from its camera. Meanwhile other programs see
 * the device as a camera, so it must not be in use.
 *
 * @throws PluginError `round_trip_failed`, `device_busy`, or of {@link openFrameWriter}.
 */
export async function roundTrip(
  path: string,
  frames: number,
  request: RoundTripRequest,
  deps: RoundTripDeps,
): Promise<RoundTrip> {
  const { calls, now } = deps;
  const readPath = request.readPath ?? path;
  using writer = openFrameWriter(path, request, calls);
  const frame = new Uint8Array(request.frameBytes);
  for (let number = 0; number < firstFrames; number++) {
    writeNumbered(writer, frame, number);
  }
  using reader = openWithoutQuery(readPath, calls);
  const readThis = () => readBack({ path, readPath }, reader, frame, deps);
  if (readPath === path) await readThis();
  else await meet(writer, frame, readThis);
  const latencies: number[] = [];
  const started = now();
  for (let number = 0; number < frames; number++) {
    const sent = now();
    writeNumbered(writer, frame, number + firstFrames);
    await readThis();
    latencies.push(now() - sent);
  }
  const seconds = (now() - started) / 1000;
  return { frames, seconds, latencies: latencies.sort((a, b) => a - b) };
}

/** Fills the frame with its number, so that every frame is different, and writes it. */
function writeNumbered(writer: FrameWriter, frame: Uint8Array, number: number): void {
  frame.fill(number & 0xff);
  new DataView(frame.buffer).setUint32(0, number);
  writer.write(frame);
}

/**
 * Writes the frame again until it comes back: the relay may have shown it before the reader was there.
 * @throws PluginError of the last attempt.
 */
async function meet(
  writer: FrameWriter,
  frame: Uint8Array,
  readThis: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    writer.write(frame);
    try {
      return await readThis();
    } catch (error) {
      const isLost = error instanceof PluginError && error.code === "round_trip_failed";
      if (!isLost || attempt === meetAttempts) throw error;
    }
  }
}

/** Reads until it gets the frame that was written last. */
async function readBack(
  { path, readPath }: { readonly path: string; readonly readPath: string },
  reader: VideoFile,
  expected: Uint8Array,
  { clock, now }: RoundTripDeps,
): Promise<void> {
  const into = new Uint8Array(expected.length);
  const deadline = now() + frameTimeoutMs;
  let seen = 0;
  while (now() < deadline) {
    const count = read(readPath, reader, into);
    if (count === undefined) {
      await clock.sleep(pollMs);
      continue;
    }
    seen++;
    if (count === expected.length && Buffer.compare(into, expected) === 0) return;
  }
  throw new PluginError(
    "round_trip_failed",
    `A frame written to ${path} did not come back${readPath === path ? "" : ` from ${readPath}`} in ${frameTimeoutMs / 1000} s${
      seen === 0 ? "" : ` (${seen} others did)`
    }.`,
    {
      remedy: `Reset the device: video-device-plugin devices reset ${readPath}`,
    },
  );
}

function read(path: string, reader: VideoFile, into: Uint8Array): number | undefined {
  try {
    return reader.read(into);
  } catch (cause) {
    const errno = errnoNameOf(cause);
    if (errno === undefined) throw cause;
    throw new PluginError(
      errno === "EBUSY" ? "device_busy" : "round_trip_failed",
      `${path} returned no frame (${errno})${errno === "EBUSY" ? ": another program reads it" : ""}.`,
      { cause, remedy: `See which program uses it: fuser -v ${path}` },
    );
  }
}
