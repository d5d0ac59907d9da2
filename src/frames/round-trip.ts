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

/** Milliseconds that a frame may take to come back, and between two reads. */
const frameTimeoutMs = 2000;
const pollMs = 1;

/**
 * Writes frames to a free device and reads each back. Meanwhile other programs see the device as a camera, so it must
 * not be in use.
 *
 * @throws PluginError `round_trip_failed`, `device_busy`, or of {@link openFrameWriter}.
 */
export async function roundTrip(
  path: string,
  frames: number,
  request: FormatRequest & { readonly frameBytes: number },
  deps: RoundTripDeps,
): Promise<RoundTrip> {
  const { calls, now } = deps;
  using writer = openFrameWriter(path, request, calls);
  const frame = new Uint8Array(request.frameBytes);
  for (let number = 0; number < firstFrames; number++) {
    writeNumbered(writer, frame, number);
  }
  using reader = openWithoutQuery(path, calls);
  await readBack(path, reader, frame, deps);
  const latencies: number[] = [];
  const started = now();
  for (let number = 0; number < frames; number++) {
    const sent = now();
    writeNumbered(writer, frame, number + firstFrames);
    await readBack(path, reader, frame, deps);
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

/** Reads until it gets the frame that was written last. */
async function readBack(
  path: string,
  reader: VideoFile,
  expected: Uint8Array,
  { clock, now }: RoundTripDeps,
): Promise<void> {
  const into = new Uint8Array(expected.length);
  const deadline = now() + frameTimeoutMs;
  let seen = 0;
  while (now() < deadline) {
    const count = read(path, reader, into);
    if (count === undefined) {
      await clock.sleep(pollMs);
      continue;
    }
    seen++;
    if (count === expected.length && Buffer.compare(into, expected) === 0) return;
  }
  throw new PluginError(
    "round_trip_failed",
    `A frame written to ${path} did not come back in ${frameTimeoutMs / 1000} s${
      seen === 0 ? "" : ` (${seen} others did)`
    }.`,
    {
      remedy: `Reset the device: video-device-plugin devices reset ${path}`,
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
