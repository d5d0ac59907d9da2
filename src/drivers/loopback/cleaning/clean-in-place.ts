import { PluginError } from "../../../common/plugin-error.ts";
import { CAP_VIDEO_CAPTURE, CAP_VIDEO_OUTPUT } from "../../../v4l2/video-structs.ts";
import type { LoopbackKernel } from "../kernel.ts";
import {
  attempt,
  clearControl,
  controlId,
  forgetTimeout,
  markWriter,
  type OpenedDevice,
  silence,
} from "./frame-scrub.ts";

/** A new device's frame interval, V4L2LOOPBACK_FPS_DEFAULT. */
const defaultInterval = { numerator: 1, denominator: 30 } as const;

/** Tries to repair dead caps; one has always been enough. */
const repairTries = 2;

/**
 * Removes what the last user left, without removing the device: controls, the frame rate, the lock on the format, and
 * frames that are still in the buffers, which are overwritten and freed. The last size and pixel format stay, and bind
 * no later user.
 *
 * The caller keeps other processes out. @throws ErrnoError, PluginError `device_dead_caps`.
 */
export function cleanInPlace(device: OpenedDevice, kernel: LoopbackKernel): void {
  {
    using file = kernel.openVideo(device.path);
    silence(file, device);
    file.setControl(controlId.keepFormat, 0);
    // A button from 0.14 on, which can't be read, and which any written value presses.
    if (attempt(() => file.getControl(controlId.timeoutImageIo)) === 1) {
      clearControl(file, controlId.timeoutImageIo);
    }
    attempt(() => file.setFrameInterval("output", defaultInterval));
    markWriter(file);
  }
  // The close has freed buffers and timeout image, whatever sizes the last user gave them.
  {
    using file = kernel.openVideo(device.path);
    forgetTimeout(file);
  }
  repairCaps(device, kernel);
}

/**
 * Repairs a v4l2loopback 0.12 device that is neither capture nor output. A program that only wrote leaves it so, once
 * another has asked for its capabilities. STREAMON makes this opener the writer, whose close restores what write()
 * removed (v4l2loopback issues 470, 525, 600).
 *
 * The caller keeps other processes out. @throws ErrnoError, PluginError `device_dead_caps`.
 */
export function repairCaps(device: OpenedDevice, kernel: LoopbackKernel): void {
  for (let attempts = 0; attempts <= repairTries; attempts++) {
    // Only after a close do the capabilities show the effect.
    if (hasCaps(device, kernel)) return;
    using file = kernel.openVideo(device.path);
    markWriter(file);
  }
  throw new PluginError(
    "device_dead_caps",
    `${device.id} is neither capture nor output, and ${repairTries} repairs did not change that.`,
    { remedy: "When no device is in use, unload the module on the host (rmmod v4l2loopback)." },
  );
}

function hasCaps(device: OpenedDevice, kernel: LoopbackKernel): boolean {
  using file = kernel.openVideo(device.path);
  return (file.queryCapabilities().deviceCaps & (CAP_VIDEO_CAPTURE | CAP_VIDEO_OUTPUT)) !== 0;
}
