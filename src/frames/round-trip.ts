import type { Clock } from "../common/clock.ts";
import { PluginError } from "../common/plugin-error.ts";
import { errnoNameOf } from "../linux/errno-error.ts";
import type { Ioctl, VideoFile } from "../v4l2/video-file.ts";
import type { FormatRequest } from "../v4l2/video-structs.ts";
import { type FrameWriter, openFrameWriter } from "./frame-writer.ts";
import { openWithoutQuery } from "./open-device.ts";

/** What came of writing frames and reading them back. */
export interface RoundTrip {
  /** All that were written came back as they were. */
  readonly frames: number;
  /** From the first frame's writing to the last one's reading, s. */
  readonly seconds: number;
  /** From a frame's writing to its reading, ms, ascending. */
  readonly latencies: readonly number[];
}

export interface RoundTripDeps {
  readonly calls: Ioctl;
  readonly clock: Clock;
  /** Monotonic, ms, with fractions. */
  readonly now: () => number;
}

/**
 * Written before anything is read: a write more than the two buffers a device has by default, so that the
 * reader's first frame is one of ours. From 0.14 on the first read may give another buffer.
 */
const firstFrames = 3;

/** How long a frame may take to come back, ms, and the pause between two looks. */
const frameTimeoutMs = 2000;
const pollMs = 1;

/**
 * Writes frames to an idle device and reads each back. The device shows itself as a camera meanwhile, so
 * it must be nobody's.
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

/** Fills the frame with its number, so that no other frame is like it, and writes it. */
function writeNumbered(writer: FrameWriter, frame: Uint8Array, number: number): void {
  frame.fill(number & 0xff);
  new DataView(frame.buffer).setUint32(0, number);
  writer.write(frame);
}

/** Reads until the frame comes that was written last. */
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
      remedy: `Bring the device back to its first state: video-device-plugin devices reset ${path}`,
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
      `${path} gave no frame back (${errno})${errno === "EBUSY" ? ": somebody else reads it" : ""}.`,
      { cause, remedy: `See who uses it: fuser -v ${path}` },
    );
  }
}
