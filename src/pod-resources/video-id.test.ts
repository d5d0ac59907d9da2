import { expect, test } from "bun:test";
import { videoIdOf } from "./video-id.ts";

const idOf = (deviceId: string, resourceName = "example.com/cameras") =>
  videoIdOf({ resourceName, deviceId });

test("an ID of a video device, or its path, names the device", () => {
  expect(idOf("video10")).toBe("video10");
  expect(idOf("/dev/video255")).toBe("video255");
});

test("a resource name that ends with the device names it", () => {
  expect(idOf("4f1a", "smarter-devices/video10")).toBe("video10");
});

// printf 0/dev/video10 | sha1sum; printf 3/dev/video0 | sha1sum
test("an ID of generic-device-plugin names the device that it is the hash of", () => {
  expect(idOf("60590000e8ff082d8dd9040c21bb897bf8fc0174")).toBe("video10");
  expect(idOf("08d9e2f8a0faed4b5cc44d8fc6af2704e3c6ca39")).toBe("video0");
});

test("any other ID names no video device", () => {
  for (const id of [
    "gpu0",
    "video",
    "video010",
    "myvideo10",
    "video10a",
    "video1000",
    "a".repeat(40),
  ]) {
    expect(idOf(id)).toBeUndefined();
  }
  expect(idOf("0", "example.com/video")).toBeUndefined();
});
