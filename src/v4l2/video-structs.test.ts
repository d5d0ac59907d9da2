import { expect, test } from "bun:test";
import type { Ioctl } from "./video-file.ts";
import { openVideoDevice } from "./video-file.ts";
import {
  capabilityBytes,
  decodeCapabilities,
  decodeFormat,
  encodeControl,
  encodeFormat,
  encodeFrameInterval,
  encodeRequestBuffers,
  formatBytes,
  fourcc,
  pixelFormats,
  streamParametersBytes,
  VIDIOC,
} from "./video-structs.ts";

test("a format request has the kernel's layout, with the union at 8", () => {
  const request = { width: 640, height: 480, pixelFormat: pixelFormats.YUYV };
  const bytes = encodeFormat("output", request);
  expect(bytes).toHaveLength(formatBytes);
  expect(new Uint32Array(bytes.buffer).slice(0, 6)).toEqual(
    new Uint32Array([2, 0, 640, 480, 0x56595559, 1]),
  );
  expect(decodeFormat(bytes)).toMatchObject(request);
});

test("capabilities are read up to the NUL of each text", () => {
  const bytes = new Uint8Array(capabilityBytes);
  bytes.set(Buffer.from("v4l2 loopback"), 0);
  bytes.set(Buffer.from("é".repeat(15)), 16);
  bytes.set(Buffer.from("platform:v4l2loopback-010"), 48);
  new DataView(bytes.buffer).setUint32(88, 0x05200002, true);
  expect(decodeCapabilities(bytes)).toEqual({
    driver: "v4l2 loopback",
    card: "é".repeat(15),
    busInfo: "platform:v4l2loopback-010",
    version: 0,
    deviceCaps: 0x05200002,
  });
});

test("every request number has the size of its struct in it", () => {
  const size = (request: number) => (request >>> 16) & 0x3fff;
  expect(size(VIDIOC.QUERYCAP)).toBe(capabilityBytes);
  expect(size(VIDIOC.S_FMT)).toBe(formatBytes);
  expect(size(VIDIOC.S_PARM)).toBe(streamParametersBytes);
  expect(size(VIDIOC.S_CTRL)).toBe(encodeControl(0).length);
  expect(size(VIDIOC.REQBUFS)).toBe(encodeRequestBuffers("output", 1).length);
  expect(encodeFrameInterval("output")).toHaveLength(streamParametersBytes);
});

test("a pixel format is shown by its four characters", () => {
  expect(Object.values(pixelFormats).map(fourcc)).toEqual(["YUYV", "YU12", "NV12", "GREY", "RGB3"]);
  expect(fourcc(0)).toBe("????");
});

test("a device is closed once, however often that is asked for", () => {
  const calls: Ioctl = { ioctl: () => 0 };
  const file = openVideoDevice("/dev/null", calls);
  file.close();
  const other = openVideoDevice("/dev/null", calls);
  file.close();
  expect(other.write(new Uint8Array(3))).toBe(3);
  other.close();
});

test("a failed open is explained by its errno", () => {
  expect(() => openVideoDevice("/nonexistent/video10", { ioctl: () => 0 })).toThrow(
    expect.objectContaining({ errnoName: "ENOENT" }),
  );
});
