import type { Clock } from "../common/clock.ts";
import { PluginError } from "../common/plugin-error.ts";
import { errnoNameOf } from "../linux/errno-error.ts";
import type { LinuxCalls } from "../linux/linux-calls.ts";
import type { VideoFile } from "../v4l2/video-file.ts";

/** The system calls that a stream needs beyond `node:fs`. */
export type StreamCalls = Pick<LinuxCalls, "ioctl" | "readMapping">;

/** Buffers of a stream: with fewer, uvcvideo drops frames between two looks. */
const bufferCount = 4;

/** Milliseconds between two looks: an eighth of a frame at 30 a second. */
const pollMs = 4;

/** The frame to take: a camera's exposure and white balance need some until they are right. */
const settledFrame = 8;

/** Longest wait for that frame after the first one, ms. */
const settleMs = 1000;

const replug = "Unplug the device and plug it in again.";

/**
 * Streams from the device's own buffers (mmap) until its picture has settled, and stops. The format stays as it is.
 *
 * @throws PluginError `device_busy` if another program streams, `device_not_found` if the device is unplugged meanwhile,
 * `no_frames` if it does not stream, or no frame comes in time.
 */
export async function captureStreamed(
  path: string,
  file: VideoFile,
  timeoutMs: number,
  { calls, clock }: { readonly calls: StreamCalls; readonly clock: Clock },
): Promise<Uint8Array> {
  try {
    const count = file.requestBuffers("capture", bufferCount);
    for (let index = 0; index < count; index++) file.queueBuffer("capture", index);
    file.streamOn("capture");
    const frame = await settled(file, timeoutMs, clock, calls);
    if (frame !== undefined) return frame;
  } catch (cause) {
    throw explain(path, cause);
  }
  throw new PluginError(
    "no_frames",
    `${path} streams, but no frame came in ${timeoutMs / 1000} s.`,
    {
      remedy: `See whether a capture card has a signal. ${replug}`,
    },
  );
}

/** The settled frame, or the last one that came in time. Closing the file ends the stream and frees the buffers. */
async function settled(
  file: VideoFile,
  timeoutMs: number,
  clock: Clock,
  calls: StreamCalls,
): Promise<Uint8Array | undefined> {
  let frame: Uint8Array | undefined;
  let deadline = clock.now() + timeoutMs;
  for (let frames = 0; frames < settledFrame && clock.now() < deadline; ) {
    const buffer = file.dequeueBuffer("capture");
    if (buffer === undefined) {
      await clock.sleep(pollMs);
      continue;
    }
    if (!buffer.isDamaged && buffer.used > 0) {
      const { offset } = file.queryBuffer("capture", buffer.index);
      frame = calls.readMapping(file.fd, buffer.used, offset);
      if (frames++ === 0) deadline = Math.min(deadline, clock.now() + settleMs);
    }
    file.queueBuffer("capture", buffer.index);
  }
  return frame;
}

/** The meaning of each errno of a stream: drivers/media/common/videobuf2, drivers/media/usb/uvc. */
function explain(path: string, cause: unknown): unknown {
  const errno = errnoNameOf(cause);
  switch (errno) {
    case undefined:
      return cause;
    case "EBUSY":
      return new PluginError("device_busy", `${path} can't stream: another program does.`, {
        cause,
        remedy: `Stop that program; see which it is: fuser -v ${path}`,
      });
    case "ENODEV":
      return new PluginError("device_not_found", `${path} was unplugged meanwhile.`, {
        cause,
        remedy: "Plug it in, and see its number: video-device-plugin devices",
      });
    case "ENOSPC":
      return new PluginError("no_frames", `${path} can't stream (ENOSPC): its bus is busy.`, {
        cause,
        remedy: "Stop the stream of another camera at the same hub, or plug one into another.",
      });
    default:
      return new PluginError("no_frames", `${path} can't stream (${errno}).`, {
        cause,
        remedy: `A camera that answers no more gives EIO. ${replug}`,
      });
  }
}
