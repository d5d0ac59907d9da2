import { expect, test } from "bun:test";
import { configOffsets, decodeConfig, encodeConfig, encodeQuery } from "./loopback-config.ts";

/** As a C compiler lays it out: `offsetof` of v4l2loopback.h's struct, on x86_64 and aarch64. */
const C_LAYOUT = [
  ["outputNumber", 0],
  ["captureNumber", 4],
  ["cardLabel", 8],
  ["minWidth", 40],
  ["maxWidth", 44],
  ["minHeight", 48],
  ["maxHeight", 52],
  ["maxBuffers", 56],
  ["maxOpeners", 60],
  ["debug", 64],
  ["announceAllCaps", 68],
] as const;

const request = { number: 10, label: "MeetingBot_WebCam" };
const device = { exclusiveCaps: true, maxBuffers: 2, maxWidth: 1920, maxHeight: 1080 };

test("the struct's fields are where C has them, in 72 bytes", () => {
  expect(Object.entries(configOffsets)).toEqual(C_LAYOUT.map(([name, at]) => [name, at]));
  expect(encodeConfig(request, device).byteLength).toBe(72);
});

test("every byte is what was asked for or zero", () => {
  const expected = Buffer.alloc(72);
  expected.writeInt32LE(10, 0);
  expected.write("MeetingBot_WebCam", 8);
  expected.writeInt32LE(1920, 44);
  expected.writeInt32LE(1080, 52);
  expected.writeInt32LE(2, 56);
  expect(Buffer.from(encodeConfig(request, device)).equals(expected)).toBe(true);
});

test("announce_all_caps is never negative, as versions differ in what that means", () => {
  const caps = (exclusiveCaps: boolean) =>
    Buffer.from(encodeConfig(request, { ...device, exclusiveCaps })).readInt32LE(68);
  expect([caps(true), caps(false)]).toEqual([0, 1]);
});

test("a kernel array is not overrun by too many buffers", () => {
  expect(Buffer.from(encodeConfig(request, { ...device, maxBuffers: 64 })).readInt32LE(56)).toBe(
    32,
  );
});

test("a long label keeps the NUL at its end", () => {
  const bytes = encodeConfig({ number: 10, label: "x".repeat(40) }, device);
  expect([bytes[8 + 30], bytes[8 + 31]]).toEqual([120, 0]);
});

test("a query names the number in both fields, and its answer is read back", () => {
  const query = Buffer.from(encodeQuery(10));
  expect([query.readInt32LE(0), query.readInt32LE(4)]).toEqual([10, 10]);
  expect(decodeConfig(encodeConfig(request, device))).toEqual(device);
});
