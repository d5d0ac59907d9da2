import { expect, test } from "bun:test";
import { decodeInput, encodeInputIndex, signalOf } from "./video-input.ts";
import { VIDIOC } from "./video-structs.ts";

test("the struct has the size that the request number names", () => {
  expect(encodeInputIndex(3)).toHaveLength((VIDIOC.ENUMINPUT >>> 16) & 0x3fff);
  expect(encodeInputIndex(3)[0]).toBe(3);
});

test("an input has a name, and a status", () => {
  const bytes = encodeInputIndex(1);
  bytes.set(Buffer.from("HDMI 0\0rest"), 4);
  new DataView(bytes.buffer).setUint32(56, 0x102, true);
  expect(decodeInput(bytes)).toEqual({ name: "HDMI 0", status: 0x102 });
});

test.each([
  ["no trouble", 0, "present"],
  ["no power", 0x1, "missing"],
  ["no signal", 0x2, "missing"],
  ["no colour", 0x4, "present"],
  ["a sensor that is mounted upside down", 0x30, "present"],
  ["no horizontal lock", 0x100, "missing"],
  ["colour killer", 0x200, "present"],
  ["no vertical lock", 0x400, "missing"],
  ["no sync", 0x1_0000, "missing"],
  ["no carrier", 0x4_0000, "missing"],
  ["copy protection", 0x0100_0000, "present"],
] as const)("of %s, the signal of status %d is %s", (_, status, signal) => {
  expect(signalOf({ name: "", status })).toBe(signal);
});
