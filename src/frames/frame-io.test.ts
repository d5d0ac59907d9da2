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

/** A file in place of the device: what is written can be read, and each test defines the answers of ioctls. */
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

/** A device with these capabilities. `answers` are to other requests; one without succeeds and changes nothing. */
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
  const readMapping = () => new Uint8Array(0);
  return { ioctl, readMapping, asked, intervals };
}

const refuse =
  (errno: number): Answer =>
  () => {
    throw new ErrnoError(errno, "ioctl");
  };
const request = { width: 16, height: 16, pixelFormat: pixelFormats.GREY };

describe("a writer", () => {
  test("queries capabilities, sets the format, then turns streaming on", () => {
    const device = calls(OUTPUT);
    using writer = openFrameWriter(path, request, device);
    writer.write(new Uint8Array(256).fill(7));
    expect(device.asked).toEqual([VIDIOC.QUERYCAP, VIDIOC.S_FMT, VIDIOC.STREAMON]);
    expect([...readFileSync(path)]).toEqual(Array(256).fill(7));
  });

  test("goes on if the driver rejects STREAMON", () => {
    const device = calls(OUTPUT, { [VIDIOC.STREAMON]: refuse(EINVAL) });
    expect(() => openFrameWriter(path, request, device).close()).not.toThrow();
  });

  test("restores the frame rate, and only if it set one", () => {
    const device = calls(OUTPUT);
    openFrameWriter(path, { ...request, rate: 60 }, device).close();
    expect(device.intervals).toEqual([60, 25]);
    const other = calls(OUTPUT);
    openFrameWriter(path, request, other).close();
    expect(other.intervals).toEqual([]);
  });

  const other: Answer = (view) => view.setUint32(8, 640, true);
  test.each([
    ["a device with another writer", calls(CAPTURE), "device_busy"],
    ["a device without capabilities", calls(0), "dead_caps"],
    ["a second writer of 0.13", calls(OUTPUT, { [VIDIOC.S_FMT]: refuse(EBUSY) }), "device_busy"],
    [
      "a format that is rejected",
      calls(OUTPUT, { [VIDIOC.S_FMT]: refuse(EINVAL) }),
      "format_refused",
    ],
    [
      "a format that the driver changed",
      calls(OUTPUT, { [VIDIOC.S_FMT]: other }),
      "format_refused",
    ],
    ["a file that is no camera", calls(0, { [VIDIOC.QUERYCAP]: refuse(ENOTTY) }), "not_a_camera"],
  ])("fails for %s", (_, device, code) => {
    expect(() => openFrameWriter(path, request, device)).toThrow(
      expect.objectContaining({ code, remedy: expect.any(String) }),
    );
  });

  test("fails for a device that doesn't exist", () => {
    expect(() => openFrameWriter(join(work, "none"), request, calls(OUTPUT))).toThrow(
      /none can't be opened \(ENOENT\): there is no such file/,
    );
  });
});

describe("a reader", () => {
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

  test("gets the second frame, with its layout", async () => {
    writeFileSync(
      path,
      Buffer.from([...Array(8).fill(1), ...Array(8).fill(2), ...Array(8).fill(3)]),
    );
    const device = calls(CAPTURE, { [VIDIOC.G_FMT]: format });
    const { bytes, layout } = await captureFrame(path, 1000, device, steppingClock());
    expect([...bytes]).toEqual(Array(8).fill(2));
    expect(layout).toEqual({ width: 4, height: 2, fourcc: "GREY", bytesPerLine: 4 });
  });

  test("gets the first frame if there is no second", async () => {
    writeFileSync(path, Buffer.alloc(8, 1));
    const device = calls(CAPTURE, { [VIDIOC.G_FMT]: format });
    const { bytes } = await captureFrame(path, 1000, device, steppingClock());
    expect([...bytes]).toEqual(Array(8).fill(1));
  });

  test.each([
    ["no frame comes", format, /has no frames: none came in 1 s/],
    ["no program has set a format", refuse(EINVAL), /has no frames: no program writes to it/],
  ])("fails if %s", async (_, answer, message) => {
    const device = calls(OUTPUT, { [VIDIOC.G_FMT]: answer });
    await expect(captureFrame(path, 1000, device, steppingClock())).rejects.toThrow(message);
  });
});
