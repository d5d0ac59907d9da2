import { LogOnce } from "../../../common/log-once.ts";
import type { Logger } from "../../../common/logger.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { errnoNameOf } from "../../../linux/errno-error.ts";
import type { VideoFile } from "../../../v4l2/video-file.ts";
import type { Format } from "../../../v4l2/video-structs.ts";
import type { DriverDevice } from "../../driver.ts";
import type { LoopbackKernel } from "../kernel.ts";
import { clampBuffers, maxBuffers } from "../module/parameters.ts";
import type { ExclusiveAccess } from "./exclusive-access.ts";

/** v4l2loopback.c: V4L2_CID_USER_BASE | 0xf000, and up. Controls outlive every close. */
export const controlId = {
  keepFormat: 0x0098f900,
  sustainFramerate: 0x0098f901,
  /** ms */
  timeout: 0x0098f902,
  timeoutImageIo: 0x0098f903,
} as const;

/** A device that is opened to be cleaned. */
export interface OpenedDevice {
  readonly id: string;
  /** Path of its node. */
  readonly path: string;
  readonly maxBuffers: number;
  /** True if its version has a control device: 0.13 and later. */
  readonly hasControlDevice: boolean;
}

export interface FrameScrubDeps {
  /** False: the kernel does not clear the memory it hands out. Undefined: unknown, and assumed not to. */
  readonly initOnAlloc: false | undefined;
  readonly kernel: LoopbackKernel;
  readonly access: ExclusiveAccess;
  readonly log: Logger;
}

/**
 * Keeps frames from leaking through memory: no version of the module clears the buffers that it allocates or frees.
 * Where the kernel doesn't clear them either (no `init_on_alloc`), a device's buffers are overwritten before they are
 * freed. Frames that were freed by a writer's own close are out of reach.
 */
export class FrameScrub {
  readonly #deps: FrameScrubDeps;
  readonly #logged = new LogOnce();

  constructor(deps: FrameScrubDeps) {
    this.#deps = deps;
  }

  /** Warns once that frames can leak. */
  warnOnce(): void {
    const { initOnAlloc, log } = this.#deps;
    if (!this.#logged.isNew("leak")) return;
    if (initOnAlloc === undefined) {
      log.warn("Unknown whether the kernel clears memory: frames may leak from pod to pod", {
        detail:
          "neither the kernel's command line nor a readable configuration says anything of init_on_alloc; to be safe, each reset overwrites what is left in a device",
        remedy:
          "Boot the node with init_on_alloc=1 on the kernel's command line, or let this process read the kernel's configuration: /boot/config-$(uname -r) or config in the module tree.",
      });
      return;
    }
    log.warn("The kernel does not clear memory: frames can leak from pod to pod", {
      detail:
        "without init_on_alloc a new camera buffer may hold frames of an earlier pod; a reset overwrites only those that are still in the device",
      remedy: "Boot the node with init_on_alloc=1 on the kernel's command line.",
    });
  }

  /**
   * Overwrites frames before their device is removed, if needed. A failure is logged, and is no reason to keep the
   * device. @throws PluginError `device_busy`.
   */
  async run(device: DriverDevice, opened: OpenedDevice): Promise<void> {
    const { access, kernel, log } = this.#deps;
    try {
      await access.alone(device, () => overwriteLeftFrames(opened, kernel));
    } catch (error) {
      const reason = PluginError.from(error);
      if (reason.code === "device_busy") throw reason;
      const fields = { device_id: device.id, ...reason.fields() };
      log.warn("Frames left in a device could not be overwritten", fields);
    }
  }
}

/**
 * Overwrites the frames that a device still has: every buffer that it kept, and its timeout image. The caller keeps
 * other processes out.
 *
 * Before 0.14 a timeout image is freed with the buffers. 0.12.7 without buffers refuses an opener who asked for
 * the image, and counts that opener forever: so there the image is asked for only if the format, and with it the
 * buffers, were kept.
 *
 * @throws ErrnoError if the device can't be opened.
 */
export function overwriteLeftFrames(device: OpenedDevice, kernel: LoopbackKernel): void {
  let format: Format | undefined;
  let mayHaveImage = device.hasControlDevice;
  {
    // If the last tenant asked for the timeout image, this opener gets it, and the next one the buffers.
    using first = kernel.openVideo(device.path);
    zeroBuffers(first, kernel);
  }
  {
    using file = kernel.openVideo(device.path);
    mayHaveImage ||= attempt(() => file.getControl(controlId.keepFormat)) === 1;
    silence(file, device);
    // The pages that a frame fills in part, and buffers that writes leave out.
    zeroBuffers(file, kernel);
    format = lastFormat(file);
    // The next opener gets the timeout image in place of the buffers.
    mayHaveImage &&= format !== undefined;
    if (mayHaveImage) askForTimeoutImage(file);
  }
  if (!mayHaveImage || format === undefined) return;
  const request = format;
  // 0.13 refuses this one open if there is no image.
  using image = attempt(() => kernel.openVideo(device.path));
  if (image === undefined) return;
  attempt(() => image.setFormat("output", request));
  zeroBuffers(image, kernel);
}

/** Stops what produces frames by itself, a sustained frame rate and a timeout, and overwrites those there are. */
export function silence(file: VideoFile, { maxBuffers }: OpenedDevice): void {
  clearControl(file, controlId.sustainFramerate);
  clearControl(file, controlId.timeout);
  overwriteFrames(file, clampBuffers(maxBuffers));
}

/** The control's maximum, MAX_TIMEOUT, ms: it does not pass while a file is open for a reset. */
const longestTimeout = 100_000;

/**
 * Has the module forget a timeout that has passed and that no reader has seen. Before 0.14 it remembers one beyond the last
 * close, which frees the image for it: the next read would copy from no memory, and the kernel would oops
 * (get_capture_buffer in v4l2loopback.c). So this reads while there is an image. The file becomes the writer. From 0.14 on
 * the image is kept, and STREAMON ends this early.
 */
export function forgetTimeout(file: VideoFile): void {
  attempt(() => {
    const format = lastFormat(file);
    if (format === undefined) return;
    file.setFormat("output", format);
    file.streamOn("output");
    // Only a changed value reaches the driver, which then allocates the image.
    for (const ms of [0, longestTimeout]) file.setControl(controlId.timeout, ms);
    file.read(new Uint8Array(1));
  });
  clearControl(file, controlId.timeout);
}

/** Makes this opener the writer. EINVAL in some versions and states, which do it nevertheless. */
export function markWriter(file: VideoFile): void {
  attempt(() => file.streamOn("output"));
}

/** Sets a control to 0, if the version has it. */
export function clearControl(file: VideoFile, id: number): void {
  attempt(() => file.setControl(id, 0));
}

/** The result of a system call; undefined if the kernel refuses it. */
export function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (errnoNameOf(error) === undefined) throw error;
    return undefined;
  }
}

/** Writes zeros over every buffer, and one more, as a write may skip one. */
function overwriteFrames(file: VideoFile, buffers: number): void {
  const format = lastFormat(file);
  if (format === undefined) return;
  attempt(() => file.setFormat("output", format));
  markWriter(file);
  const frame = new Uint8Array(format.imageBytes);
  for (let written = 0; written <= buffers; written++) attempt(() => file.write(frame));
}

/**
 * Zeros all buffers, also the pages that a frame fills in part, from whichever side the device offers right now: they are the same.
 *
 * 0.12 uses as few buffers as any opener has ever asked for, so this program never asks for fewer than there are; and after a tenant
 * who did, QUERYBUF describes the first buffer in place of the others, which can still be mapped. They follow each other.
 */
export function zeroBuffers(file: VideoFile, kernel: LoopbackKernel): void {
  for (const type of ["output", "capture"] as const) {
    const count = attempt(() => file.requestBuffers(type, maxBuffers)) ?? 0;
    if (count === 0) continue;
    const first = attempt(() => file.queryBuffer(type, 0));
    for (let index = 0; first !== undefined && index < count; index++) {
      const offset = first.offset + index * first.length;
      attempt(() => kernel.zeroMapping(file.fd, first.length, offset));
    }
    return;
  }
}

/**
 * Sets the flag, after clearing it. Before 0.14 the next open clears the flag, but not V4L2's own copy of the control,
 * and setting a control to the value it has never reaches the driver.
 */
function askForTimeoutImage(file: VideoFile): void {
  for (const value of [0, 1]) attempt(() => file.setControl(controlId.timeoutImageIo, value));
}

/** Undefined if the device was never used. */
function lastFormat(file: VideoFile): Format | undefined {
  const format =
    attempt(() => file.getFormat("output")) ?? attempt(() => file.getFormat("capture"));
  return format !== undefined && format.imageBytes > 0 && format.width > 0 ? format : undefined;
}
