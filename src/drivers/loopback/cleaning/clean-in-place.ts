import { PluginError } from "../../../common/plugin-error.ts";
import { errnoNameOf } from "../../../linux/errno-error.ts";
import type { VideoFile } from "../../../v4l2/video-file.ts";
import { CAP_VIDEO_CAPTURE, CAP_VIDEO_OUTPUT, type Format } from "../../../v4l2/video-structs.ts";
import type { LoopbackKernel } from "../kernel.ts";
import { clampBuffers, MAX_BUFFERS } from "../module/parameters.ts";

/** v4l2loopback.c: V4L2_CID_USER_BASE | 0xf000, and up. They outlive every close. */
export const CID = {
  keepFormat: 0x0098f900,
  sustainFramerate: 0x0098f901,
  /** ms */
  timeout: 0x0098f902,
  timeoutImageIo: 0x0098f903,
} as const;

/** What a new device has, V4L2LOOPBACK_FPS_DEFAULT. */
const DEFAULT_INTERVAL = { numerator: 1, denominator: 30 } as const;

/** Tries to mend dead caps; seen to take one. */
const REPAIR_TRIES = 2;

export interface CaredDevice {
  readonly id: string;
  /** Where its node is. */
  readonly path: string;
  readonly maxBuffers: number;
  /** Whether its version has a control device: 0.13 and later. */
  readonly hasControlDevice: boolean;
}

/**
 * Takes away what the last user left, without removing the device: controls, the frame rate, the lock on
 * the format, and frames that are still in the buffers, which are overwritten and given back. What stays is
 * the last size and pixel format, which bind nobody.
 *
 * The caller keeps others out. @throws ErrnoError, PluginError `device_dead_caps`.
 */
export function cleanInPlace(device: CaredDevice, kernel: LoopbackKernel): void {
  {
    using file = kernel.openVideo(device.path);
    silence(file, device);
    file.setControl(CID.keepFormat, 0);
    // A button from 0.14 on, which can't be read, and which whatever is written presses.
    if (attempt(() => file.getControl(CID.timeoutImageIo)) === 1) {
      tryControl(file, CID.timeoutImageIo);
    }
    attempt(() => file.setFrameInterval("output", DEFAULT_INTERVAL));
    markWriter(file);
  }
  repairCaps(device, kernel);
}

/**
 * Overwrites what frames a device still has: all of every buffer that it kept, and its timeout image. The
 * caller keeps others out. @throws ErrnoError if it can't be opened.
 *
 * Before 0.14 a timeout image lives as long as the buffers do. 0.12.7 without buffers not only refuses an opener who
 * is to get the image, but counts him as one for ever: so there it is asked for only if the format, and with it the
 * buffers, were kept.
 */
export function overwriteLeftFrames(device: CaredDevice, kernel: LoopbackKernel): void {
  let format: Format | undefined;
  let mayHaveImage = device.hasControlDevice;
  {
    using file = kernel.openVideo(device.path);
    mayHaveImage ||= attempt(() => file.getControl(CID.keepFormat)) === 1;
    silence(file, device);
    // The pages that a frame fills in part, and buffers that writes leave out.
    zeroBuffers(file, MAX_BUFFERS, kernel);
    format = lastFormat(file);
    // Whoever opens the device next gets at the timeout image in place of the buffers.
    mayHaveImage &&= format !== undefined;
    if (mayHaveImage) askForTimeoutImage(file);
  }
  if (!mayHaveImage || format === undefined) return;
  const request = format;
  // 0.13 refuses this one open where there is none.
  using image = attempt(() => kernel.openVideo(device.path));
  if (image === undefined) return;
  attempt(() => image.setFormat("output", request));
  zeroBuffers(image, 1, kernel);
}

/**
 * Mends a v4l2loopback 0.12 device that is neither capture nor output, as it is after a writer that only
 * wrote and whoever asked for its capabilities then: STREAMON makes this opener the writer, whose close
 * gives the device back what write() took (v4l2loopback issues 470, 525, 600).
 *
 * The caller keeps others out. @throws ErrnoError, PluginError `device_dead_caps`.
 */
export function repairCaps(device: CaredDevice, kernel: LoopbackKernel): void {
  for (let attempt = 0; attempt <= REPAIR_TRIES; attempt++) {
    // Only after a close do the capabilities tell.
    if (hasCaps(device, kernel)) return;
    using file = kernel.openVideo(device.path);
    markWriter(file);
  }
  throw new PluginError(
    "device_dead_caps",
    `${device.id} is neither capture nor output, and ${REPAIR_TRIES} repairs did not change that.`,
    { remedy: "When no device is in use, unload the module on the host (rmmod v4l2loopback)." },
  );
}

function hasCaps(device: CaredDevice, kernel: LoopbackKernel): boolean {
  using file = kernel.openVideo(device.path);
  return (file.queryCapabilities().deviceCaps & (CAP_VIDEO_CAPTURE | CAP_VIDEO_OUTPUT)) !== 0;
}

/** EINVAL in some versions and states, and does what it should all the same. */
function markWriter(file: VideoFile): void {
  attempt(() => file.streamOn("output"));
}

/** Stops what gives frames by itself, a sustained frame rate and a timeout, and overwrites those there are. */
function silence(file: VideoFile, { maxBuffers }: CaredDevice): void {
  tryControl(file, CID.sustainFramerate);
  tryControl(file, CID.timeout);
  overwriteFrames(file, clampBuffers(maxBuffers));
}

/** Writes zeros over every buffer there is, and one more, for a write may skip one. */
function overwriteFrames(file: VideoFile, buffers: number): void {
  const format = lastFormat(file);
  if (format === undefined) return;
  attempt(() => file.setFormat("output", format));
  markWriter(file);
  const frame = new Uint8Array(format.imageBytes);
  for (let written = 0; written <= buffers; written++) attempt(() => file.write(frame));
}

/** All of up to `most` buffers, seen from whichever side the device is open to right now: they are the same. */
function zeroBuffers(file: VideoFile, most: number, kernel: LoopbackKernel): void {
  for (const type of ["output", "capture"] as const) {
    const count = attempt(() => file.requestBuffers(type, most)) ?? 0;
    for (let index = 0; index < count; index++) {
      attempt(() => {
        const { length, offset } = file.queryBuffer(type, index);
        kernel.zeroMapping(file.fd, length, offset);
      });
    }
    if (count > 0) return;
  }
}

/**
 * Before 0.14 the flag goes with the next open, but V4L2's own copy of the control does not, and who sets that to
 * what it is already never gets to the driver.
 */
function askForTimeoutImage(file: VideoFile): void {
  for (const value of [0, 1]) attempt(() => file.setControl(CID.timeoutImageIo, value));
}

/** Of a device that was never used, none. */
function lastFormat(file: VideoFile): Format | undefined {
  const format =
    attempt(() => file.getFormat("output")) ?? attempt(() => file.getFormat("capture"));
  return format !== undefined && format.imageBytes > 0 && format.width > 0 ? format : undefined;
}

/** Sets a control to 0, if the version has it. */
function tryControl(file: VideoFile, id: number): void {
  attempt(() => file.setControl(id, 0));
}

/** What the call gives, undefined if the kernel doesn't want it. */
function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (errnoNameOf(error) === undefined) throw error;
    return undefined;
  }
}
