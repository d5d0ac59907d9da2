import { deepEqual, equal } from "node:assert/strict";
import { controlId } from "../../../src/drivers/loopback/cleaning/frame-scrub.ts";
import { errnoNameOf } from "../../../src/linux/errno-error.ts";
import type { VideoFile } from "../../../src/v4l2/video-file.ts";
import { pixelFormats } from "../../../src/v4l2/video-structs.ts";
import type { Stage } from "./stage.ts";

export const FORMAT = { width: 64, height: 48, pixelFormat: pixelFormats.YUYV };
export const FRAME_BYTES = 64 * 48 * 2;
/** A byte that no fresh buffer has: the last tenant's picture. */
export const SECRET = 0x5a;
/** The device of the tenants. */
export const ID = "video11";

/** Feeds a device as a pod's program does, and stays. */
export function feed(stage: Stage): VideoFile {
  const file = stage.open(ID);
  file.setFormat("output", FORMAT);
  ignoring(() => file.streamOn("output"));
  for (let i = 0; i < 4; i++) file.write(new Uint8Array(FRAME_BYTES).fill(SECRET));
  return file;
}

/** Feeds a device, sets whatever can be set, and goes. */
export function misuse(stage: Stage): void {
  using file = feed(stage);
  file.setControl(controlId.keepFormat, 1);
  file.setControl(controlId.sustainFramerate, 1);
  file.setControl(controlId.timeout, 777);
  file.setFrameInterval("output", { numerator: 1, denominator: 5 });
}

/**
 * Closes a file that has written, once a timeout has passed that no reader has seen. If it is the device's last one, the
 * buffers go with it.
 */
export async function letTimeoutPass(file: VideoFile): Promise<void> {
  using closing = file;
  closing.setControl(controlId.keepFormat, 0);
  closing.setControl(controlId.timeout, 20);
  await Bun.sleep(200);
  closing.setControl(controlId.timeout, 0);
}

/** Every frame the next tenant can get, before it gave one, in every way that asks for none. */
export function framesOf(file: VideoFile): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let i = 0; i < 8; i++) {
    const into = new Uint8Array(1920 * 1080 * 2);
    const bytes = ignoring(() => file.read(into));
    if (bytes !== undefined) frames.push(into.subarray(0, bytes));
  }
  return frames;
}

export function assertNoSecret(frames: readonly Uint8Array[]): void {
  for (const frame of frames) equal(frame.includes(SECRET), false, "a frame of the last tenant");
}

/** The next tenant finds nothing of what {@link misuse} leaves. */
export function assertAsNew(stage: Stage): void {
  using next = stage.open(ID);
  assertNoSecret(framesOf(next));
  deepEqual(
    [controlId.keepFormat, controlId.sustainFramerate, controlId.timeout].map((id) =>
      next.getControl(id),
    ),
    [0, 0, 0],
  );
  deepEqual(next.getFrameInterval("output"), { numerator: 1, denominator: 30 });
}

export function ignoring<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (errnoNameOf(error) === undefined) throw error;
    return undefined;
  }
}
