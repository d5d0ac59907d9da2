import { describe, expect, test } from "bun:test";
import { type DeviceFacts, judge } from "./observe.ts";

const device = { id: "video10", number: 10, hostPath: "/dev/video10" };
const sysfs = {
  number: 10,
  name: "MeetingBot_WebCam",
  device: { major: 81, minor: 0 },
  loopback: true,
  driver: undefined,
};
const right: DeviceFacts = {
  moduleLoaded: true,
  sysfs,
  node: { kind: "character_device", device: { major: 81, minor: 0 } },
  nodePath: "/host/dev/video10",
};

describe("a device's state", () => {
  const rows: [string, Partial<DeviceFacts>, string, string][] = [
    ["all is right", {}, "ok", ""],
    [
      "the module is gone",
      { moduleLoaded: false, sysfs: undefined, node: { kind: "absent" } },
      "module_gone",
      "The module v4l2loopback is not loaded.",
    ],
    [
      "the module has no such device",
      { sysfs: undefined },
      "missing",
      "v4l2loopback is loaded and has no device video10.",
    ],
    [
      "the node is not there",
      { node: { kind: "absent" } },
      "missing",
      "v4l2loopback has the device video10, but there is no /host/dev/video10.",
    ],
    [
      "the node is something else",
      { node: { kind: "other", what: "not a character device" } },
      "wrong_driver",
      "/host/dev/video10 is not a character device.",
    ],
    [
      "the node is another device",
      { node: { kind: "character_device", device: { major: 81, minor: 3 } } },
      "wrong_driver",
      "/host/dev/video10 is the device 81:3, but video10 is 81:0.",
    ],
    [
      "the number is a camera's",
      { sysfs: { ...sysfs, name: "USB Camera", loopback: false, driver: "uvcvideo" } },
      "wrong_driver",
      'video10 is "USB Camera" of the driver uvcvideo, not of v4l2loopback.',
    ],
    [
      "the number is somebody's and the module is gone",
      { moduleLoaded: false, sysfs: { ...sysfs, name: "vivid", loopback: false } },
      "wrong_driver",
      'video10 is "vivid" of another driver, not of v4l2loopback.',
    ],
  ];
  test.each(rows)("when %s", (_, facts, state, detail) => {
    expect(judge(device, { ...right, ...facts })).toEqual({ state, detail } as never);
  });
});
