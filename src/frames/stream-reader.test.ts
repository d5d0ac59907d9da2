import { describe, expect, test } from "bun:test";
import { steppingClock } from "../../test/support/stepping-clock.ts";
import { ErrnoError } from "../linux/errno-error.ts";
import type { VideoFile } from "../v4l2/video-file.ts";
import type { FilledBuffer } from "../v4l2/video-structs.ts";
import { captureStreamed } from "./stream-reader.ts";

const EIO = 5;
const EBUSY = 16;
const ENODEV = 19;
const ENOSPC = 28;

/** A stream whose buffers come in this order: a number is the count of used bytes, undefined that none is ready. */
function stream(frames: readonly (Partial<FilledBuffer> | undefined)[], more?: Partial<VideoFile>) {
  const queue: number[] = [];
  const left = [...frames];
  const file: Partial<VideoFile> = {
    fd: 7,
    requestBuffers: (_, count) => count,
    queueBuffer: (_, index) => void queue.push(index),
    queryBuffer: (_, index) => ({ length: 100, offset: index * 4096 }),
    streamOn: () => undefined,
    dequeueBuffer: () => {
      const frame = left.shift();
      if (frame === undefined) return undefined;
      return { index: queue.shift() ?? -1, used: 10, isDamaged: false, ...frame };
    },
    ...more,
  };
  // A frame is known by its count among those that were read.
  let reads = 0;
  const calls = {
    ioctl: () => 0,
    readMapping: (_: number, length: number, offset: number) =>
      Uint8Array.of(++reads, length, offset / 4096),
  };
  return captureStreamed("/dev/video0", file as VideoFile, 5000, {
    ...{ calls, clock: steppingClock() },
  });
}

test("the eighth frame is taken, with the bytes that are used, from its buffer", async () => {
  const frames = Array.from({ length: 20 }, (_, at) => ({ used: at + 1 }));
  expect([...(await stream(frames))]).toEqual([8, 8, 3]);
});

test("a frame that lost data, or has none, does not count", async () => {
  expect([...(await stream([{ isDamaged: true }, { used: 0 }, { used: 5 }, undefined]))]).toEqual([
    ...[1, 5, 2],
  ]);
});

test("of a slow camera the last frame is taken that came within a second of the first", async () => {
  const wait = Array.from({ length: 130 }, () => undefined);
  const frames = [{}, ...wait, {}, ...wait, {}, ...wait, {}];
  expect([...(await stream(frames))][0]).toBe(2);
});

describe("fails", () => {
  const refuse = (errno: number) => () => {
    throw new ErrnoError(errno, "ioctl");
  };
  test.each([
    ["another program streams", { requestBuffers: refuse(EBUSY) }, "device_busy"],
    ["the device is unplugged", { dequeueBuffer: refuse(ENODEV) }, "device_not_found"],
    ["its bus has no bandwidth left", { streamOn: refuse(ENOSPC) }, "no_frames"],
    ["it does not answer", { streamOn: refuse(EIO) }, "no_frames"],
    ["no frame comes", {}, "no_frames"],
  ])("if %s", async (_, more, code) => {
    await expect(stream([], more)).rejects.toThrow(
      expect.objectContaining({ code, remedy: expect.any(String) }),
    );
  });
});
