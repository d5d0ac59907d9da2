import type { Clock } from "../../../common/clock.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { type Polling, pollUntil } from "../../../common/poll-until.ts";
import { errnoNameOf } from "../../../linux/errno-error.ts";
import type { VideoFile } from "../../../v4l2/video-file.ts";
import {
  CAP_VIDEO_CAPTURE,
  CAP_VIDEO_OUTPUT,
  type FormatRequest,
} from "../../../v4l2/video-structs.ts";
import { attempt, controlId, forgetTimeout } from "../cleaning/frame-scrub.ts";
import { fixedFormat } from "./frame-format.ts";
import type { ReadySettings } from "./ready-settings.ts";

/**
 * How a version of v4l2loopback decides who may write. 0.12 and 0.13 have flags of the device; from 0.14 on a token
 * belongs to the open file that set the format first, and all others are refused until that file is closed.
 */
export type Generation = "0.12" | "0.13" | "0.14";

/** The generation of a loaded module; 0.12 shows no version. */
export function generationOf(moduleVersion: string | undefined): Generation {
  if (moduleVersion === undefined) return "0.12";
  return moduleVersion.startsWith("0.13.") ? "0.13" : "0.14";
}

/** How long another instance of this program may still hold the camera, and the pause between two tries, ms. */
const otherHolder: Polling = { patienceMs: 2000, pauseMs: 5 };

/** Frames that a camera gets at first: each of its two buffers, and one more, since a write may skip a buffer. */
const firstFrames = 3;

/** Frames of the last writer that a feed may have. */
const mostLeftFrames = 32;

export interface HoldContext {
  readonly settings: ReadySettings;
  readonly generation: Generation;
  readonly clock: Clock;
}

/**
 * Makes this file the camera's writer: a browser lists the device from now on until the file is closed. Works also
 * while readers stream: they go on.
 *
 * A kept format and a sustained frame rate let the readers go on when this process ends. Before 0.13 the file must
 * never say STREAMON: a close after that would make the device an output again.
 *
 * @throws ErrnoError; PluginError `device_not_ready`.
 */
export async function holdCamera(
  file: VideoFile,
  placeholder: Uint8Array,
  { settings, generation, clock }: HoldContext,
): Promise<void> {
  const format = fixedFormat(settings);
  await setFormat(file, format, clock);
  attempt(() => file.setFrameInterval("output", { numerator: 1, denominator: settings.rate }));
  file.setControl(controlId.keepFormat, 1);
  file.setControl(controlId.sustainFramerate, 1);
  if (generation === "0.13") file.streamOn("output");
  for (let written = 0; written < firstFrames; written++) file.write(placeholder);
}

/** Tries again while another file is the camera's writer: an instance of this program that is about to end. */
async function setFormat(file: VideoFile, format: FormatRequest, clock: Clock): Promise<void> {
  let refusal: unknown;
  const isSet = () => {
    try {
      refuseOther(file.setFormat("output", format), format);
      return true;
    } catch (error) {
      // EINVAL where only the writer may be asked for output formats at all.
      if (!["EBUSY", "EINVAL"].includes(errnoNameOf(error) ?? "")) throw error;
      refusal = error;
      return false;
    }
  };
  if (!(await pollUntil(isSet, clock, otherHolder))) throw refusal;
}

function refuseOther(found: FormatRequest, wanted: FormatRequest): void {
  const isWanted = (["width", "height", "pixelFormat"] as const).every(
    (name) => found[name] === wanted[name],
  );
  if (isWanted) return;
  throw new PluginError(
    "device_not_ready",
    `v4l2loopback set a frame of ${found.width}x${found.height} where ${wanted.width}x${wanted.height} was asked for.`,
    { remedy: "Wait until no process has the device open: its format can't change before." },
  );
}

/**
 * Fixes the format of a feed, and makes `reader` its reader, which may be the second opener after a writer that
 * streams.
 *
 * @throws ErrnoError; PluginError `device_not_ready`.
 */
export function fixFeed(
  open: () => VideoFile,
  { settings, generation }: Pick<HoldContext, "settings" | "generation">,
  isFixed: boolean,
): VideoFile {
  const format = fixedFormat(settings);
  let reader: VideoFile;
  {
    using writer = open();
    // Refused while an application writes; then the format is as an earlier instance has fixed it.
    const found = attempt(() => writer.setFormat("output", format));
    if (found !== undefined) refuseOther(found, format);
    else if (!isFixed) throw busyFeed();
    writer.setControl(controlId.keepFormat, 1);
    // Before 0.14 a device without a stream has no format. Later EINVAL.
    attempt(() => writer.streamOn("output"));
    // A pod may have had the feed to itself while no instance ran.
    if (generation !== "0.14") forgetTimeout(writer);
    reader = open();
    attempt(() => reader.streamOn("capture"));
  }
  // From 0.14 on the first read makes it the reader. What it finds is of the last writer.
  const frame = new Uint8Array(1);
  for (let left = 0; left < mostLeftFrames; left++) {
    if ((attempt(() => reader.read(frame)) ?? 0) === 0) break;
  }
  return reader;
}

function busyFeed(): PluginError {
  return new PluginError("device_not_ready", "A process writes another format to the feed.", {
    remedy: "Wait until that process has ended.",
  });
}

/**
 * Looks at a camera exactly as Chromium does when it lists devices (media/capture/video/linux).
 *
 * @returns why Chromium would not list it; undefined if it would.
 */
export function whyNotListed(file: VideoFile, settings: ReadySettings): string | undefined {
  const roles = file.queryCapabilities().deviceCaps & (CAP_VIDEO_CAPTURE | CAP_VIDEO_OUTPUT);
  if (roles !== CAP_VIDEO_CAPTURE) return "it is not a capture device alone";
  const { width, height, pixelFormat } = fixedFormat(settings);
  if (attempt(() => file.pixelFormatAt("capture", 0)) !== pixelFormat) {
    return `its first pixel format is not ${settings.pixelFormat}`;
  }
  const size = attempt(() => file.frameSizeAt(pixelFormat, 0));
  if (size?.width !== width || size.height !== height) {
    return `it has no frame size of ${width}x${height} alone`;
  }
  return undefined;
}

/**
 * Makes a camera of 0.13 whose capabilities are those of both roles a capture device again: a program that wrote to it
 * and has ended leaves it so. Other versions lose the second role with the next frame, or never get it.
 */
export function keepCapture(file: VideoFile): void {
  if ((file.queryCapabilities().deviceCaps & CAP_VIDEO_OUTPUT) !== 0) file.streamOn("output");
}

/** Before the close: lets a 0.13 camera without readers stay a capture device. EBUSY while a reader streams. */
export function stayCapture(file: VideoFile): void {
  attempt(() => file.streamOn("capture"));
  attempt(() => file.streamOff("capture"));
}
