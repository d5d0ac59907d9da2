import { expect, test } from "bun:test";
import { classify, guessKind } from "./device-kind.ts";

test.each([
  ["a USB webcam", 0x0420_0001, "camera"],
  ["its metadata", 0x04a0_0000, "metadata"],
  ["a capture card, out-of-tree sc0710", 0x0520_0001, "camera"],
  ["the CSI camera of a Raspberry Pi", 0x0520_0001, "camera"],
  ["the decoder of a Raspberry Pi, /dev/video10", 0x0420_4000, "codec"],
  ["the input of the ISP of a Raspberry Pi 5", 0x0420_2000, "output"],
  ["vim2m, vicodec", 0x0420_8000, "codec"],
  ["vimc, Intel IPU6", 0x2420_0001, "media_controller"],
  ["an idle v4l2loopback device with exclusive_caps", 0x0520_0002, "output"],
  ["v4l2loopback without", 0x0520_0003, "camera"],
  ["multi-planar capture", 0x0420_1000, "camera"],
  ["a touch pad", 0x1520_0001, "other"],
  ["a radio", 0x0005_0000, "other"],
  ["a driver that says nothing", 0, "other"],
] as const)("%s is known by its device_caps", (_, deviceCaps, kind) => {
  expect(classify(deviceCaps)).toBe(kind);
});

test("capabilities are no device_caps: a webcam's metadata node claims to capture there", () => {
  expect(classify(0x84a0_0001)).toBe("camera");
});

test("without QUERYCAP only nodes of uvcvideo have a kind, by their index", () => {
  expect([0, 1, 2, 3].map((index) => guessKind("uvcvideo", index))).toEqual([
    ...["camera", "metadata", "camera", "metadata"],
  ] as never);
  expect(guessKind("unicam", 0)).toBeUndefined();
  expect(guessKind(undefined, 0)).toBeUndefined();
});
