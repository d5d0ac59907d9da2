import { expect, test } from "bun:test";
import type { CameraNode } from "../../drivers/camera/index.ts";
import { examineCameraPool } from "./examine-camera-pool.ts";

const parent = { path: "/sys/devices/usb1/1-1", bus: "usb", usb: undefined };
const node = (number: number, more: Partial<CameraNode> = {}): CameraNode => ({
  ...{ number, name: "Webcam", index: 0, driver: "uvcvideo", parent },
  ...{ device: { major: 81, minor: number }, path: `/dev/video${number}` },
  ...{ kind: "camera", isGuess: false, card: "", busInfo: "", state: "ok", errno: undefined },
  ...more,
});
const place = { pool: "webcams", mismatches: new Map<string, string>() };
const examined = (more: Partial<CameraNode>, expected = 0) =>
  examineCameraPool(
    { name: "webcams", expect: expected },
    {
      cameras: [{ id: "usb-1", parent, nodes: [node(0, more)] }],
      places: new Map([["usb-1", place]]),
    },
  );

test("a device that works is fine, and fewer than are expected are a warning", () => {
  expect(examined({})).toMatchObject({
    ...{ check: "devices", state: "ok", detail: 'usb-1 "Webcam" (camera: video0)' },
  });
  expect(examined({}, 3)).toMatchObject({
    ...{ state: "warning", remedy: expect.stringMatching(/^Plug 2 more in/) },
  });
});

test("a device that is stuck is a warning, with what helps", () => {
  expect(examined({ state: "stuck", isGuess: true })).toMatchObject({
    state: "warning",
    remedy:
      "video0 is stuck: it did not answer within 2 s. Unplug the device and plug it in again.",
  });
});

test("no byte of a device's name reaches the terminal", () => {
  expect(examined({ name: "a\x1bb" }).detail).toContain('"a?b"');
});
