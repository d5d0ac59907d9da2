import { expect, test } from "bun:test";
import { containerPath, hiddenDevices, isRemapped } from "./container-path.ts";

const device = (number: number) => ({ id: `video${number}`, number });

test("a path has the device's ID, its number and its place in the container", () => {
  expect(containerPath("/cams/{id}-{n}-{index}", device(10), 1)).toBe("/cams/video10-10-1");
});

test("a path has the name of the node that a real device has at the moment", () => {
  expect(containerPath("/dev/{node}", { id: "usb-046d-0825-A", number: 6 }, 0)).toBe("/dev/video6");
});

test.each([
  ["/dev/{id}", false],
  ["/dev/video{n}", false],
  ["/dev/video{index}", true],
  ["/cams/{id}", true],
])("%s gives a device another path than the host's: %p", (template, expected) => {
  expect(isRemapped(template, device(10))).toBe(expected);
});

test("devices above video63 are hidden from programs with libwebrtc", () => {
  const devices = [62, 63, 64, 255].map(device);
  const hidden = hiddenDevices("/dev/{id}", devices);
  expect(hidden?.ids).toEqual(["video64", "video255"]);
  expect(hidden?.detail).toEndWith("a container has video64 at /dev/video64");
  expect(hidden?.remedy).toContain("CONTAINER_DEVICE_PATH=/dev/video{index}");
});

test("devices are not hidden where the container has them under a low number", () => {
  expect(hiddenDevices("/dev/video{index}", [64, 255].map(device))).toBeUndefined();
  expect(hiddenDevices("/dev/{id}", [10, 17].map(device))).toBeUndefined();
});
