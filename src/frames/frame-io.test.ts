import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { steppingClock } from "../../test/support/stepping-clock.ts";
import { ErrnoError } from "../linux/errno-error.ts";
import type { Ioctl } from "../v4l2/video-file.ts";
import { pixelFormats, VIDIOC } from "../v4l2/video-structs.ts";
import { captureFrame } from "./frame-reader.ts";
import { openFrameWriter } from "./frame-writer.ts";

/** A file stands for the device: what is written can be read, and ioctls are answered as told. */
const work = mkdtempSync(join(tmpdir(), "frame-files-"));
const path = join(work, "video10");
beforeEach(() => writeFileSync(path, ""));
afterAll(() => rmSync(work, { recursive: true }));

const CAPTURE = 1;
const OUTPUT = 2;
const EINVAL = 22;
const EBUSY = 16;
const ENOTTY = 25;

type Answer = (bytes: DataView) => void;

/** A device with these capabilities; `answers` are of other requests, which are taken as they are. */
function calls(deviceCaps: number, answers: Readonly<Record<number, Answer>> = {}) {
  const asked: number[] = [];
  const intervals: number[] = [];
  const ioctl: Ioctl["ioctl"] = (_fd, request, arg) => {
    const number = Number(request);
    const view =
      arg instanceof Uint8Array ? new DataView(arg.buffer) : new DataView(new ArrayBuffer(8));
    asked.push(number);
    if (number === VIDIOC.QUERYCAP) view.setUint32(88, deviceCaps, true);
    if (number === VIDIOC.G_PARM) view.setUint32(16, 25, true);
    if (number === VIDIOC.S_PARM) intervals.push(view.getUint32(16, true));
    answers[number]?.(view);
    return 0;
  };
  return { ioctl, asked, intervals };
}

const refuse =
  (errno: number): Answer =>
  () => {
    throw new ErrnoError(errno, "ioctl");
  };
const request = { width: 16, height: 16, pixelFormat: pixelFormats.GREY };

describe("who feeds a device", () => {
  test("asks what it can, sets the format, then says that it streams", () => {
    const device = calls(OUTPUT);
    using writer = openFrameWriter(path, request, device);
    writer.write(new Uint8Array(256).fill(7));
    expect(device.asked).toEqual([VIDIOC.QUERYCAP, VIDIOC.S_FMT, VIDIOC.STREAMON]);
    expect([...readFileSync(path)]).toEqual(Array(256).fill(7));
  });

  test("need not be understood when it says that it streams", () => {
    const device = calls(OUTPUT, { [VIDIOC.STREAMON]: refuse(EINVAL) });
    expect(() => openFrameWriter(path, request, device).close()).not.toThrow();
  });

  test("puts the frame rate back, and only what it set", () => {
    const device = calls(OUTPUT);
    openFrameWriter(path, { ...request, rate: 60 }, device).close();
    expect(device.intervals).toEqual([60, 25]);
    const other = calls(OUTPUT);
    openFrameWriter(path, request, other).close();
    expect(other.intervals).toEqual([]);
  });

  const other: Answer = (view) => view.setUint32(8, 640, true);
  test.each([
    ["a device that somebody feeds", calls(CAPTURE), "device_busy"],
    ["a device that died", calls(0), "dead_caps"],
    ["a second writer of 0.13", calls(OUTPUT, { [VIDIOC.S_FMT]: refuse(EBUSY) }), "device_busy"],
    [
      "a format that isn't taken",
      calls(OUTPUT, { [VIDIOC.S_FMT]: refuse(EINVAL) }),
      "format_refused",
    ],
    ["a format that became another", calls(OUTPUT, { [VIDIOC.S_FMT]: other }), "format_refused"],
    ["what is no camera", calls(0, { [VIDIOC.QUERYCAP]: refuse(ENOTTY) }), "not_a_camera"],
  ])("is told of %s", (_, device, code) => {
    expect(() => openFrameWriter(path, request, device)).toThrow(
      expect.objectContaining({ code, remedy: expect.any(String) }),
    );
  });

  test("is told of a device that isn't there", () => {
    expect(() => openFrameWriter(join(work, "none"), request, calls(OUTPUT))).toThrow(
      /none can't be opened \(ENOENT\): there is no such file/,
    );
  });
});

describe("who takes a frame", () => {
  const format: Answer = (view) => {
    for (const [at, value] of [
      [8, 4],
      [12, 2],
      [16, pixelFormats.GREY],
      [24, 4],
      [28, 8],
    ] as const) {
      view.setUint32(at, value, true);
    }
  };

  test("gets the later one of the first two, with its layout", async () => {
    writeFileSync(
      path,
      Buffer.from([...Array(8).fill(1), ...Array(8).fill(2), ...Array(8).fill(3)]),
    );
    const device = calls(CAPTURE, { [VIDIOC.G_FMT]: format });
    const { bytes, layout } = await captureFrame(path, 1000, device, steppingClock());
    expect([...bytes]).toEqual(Array(8).fill(2));
    expect(layout).toEqual({ width: 4, height: 2, fourcc: "GREY", bytesPerLine: 4 });
  });

  test("is content with one if there is no other", async () => {
    writeFileSync(path, Buffer.alloc(8, 1));
    const device = calls(CAPTURE, { [VIDIOC.G_FMT]: format });
    const { bytes } = await captureFrame(path, 1000, device, steppingClock());
    expect([...bytes]).toEqual(Array(8).fill(1));
  });

  test.each([
    ["no frame comes", format, /has no frames: none came in 1 s/],
    ["nobody ever set a format", refuse(EINVAL), /has no frames: no program writes to it/],
  ])("is told that %s", async (_, answer, message) => {
    const device = calls(OUTPUT, { [VIDIOC.G_FMT]: answer });
    await expect(captureFrame(path, 1000, device, steppingClock())).rejects.toThrow(message);
  });
});
