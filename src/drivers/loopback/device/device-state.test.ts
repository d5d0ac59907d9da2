import { describe, expect, test } from "bun:test";
import {
  type DeviceFacts,
  deviceState,
  faultOf,
  loopbackReasons,
  streamFormat,
} from "./device-state.ts";

const sysfs = {
  number: 10,
  name: "MeetingBot_WebCam",
  device: { major: 81, minor: 0 },
  loopback: true,
  writing: false,
  format: "",
  maxOpeners: 10,
  driver: undefined,
};
const rightNode = { kind: "character_device", device: { major: 81, minor: 0 } } as const;
const right: DeviceFacts = {
  moduleLoaded: true,
  sysfs,
  node: rightNode,
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
      "its number can't be read",
      { sysfs: { ...sysfs, device: undefined } },
      "faulty",
      "video10 does not show its device number (dev in /sys).",
    ],
    [
      "it has a writer's mark and no process has it open",
      { sysfs: { ...sysfs, writing: true }, isOpen: false },
      "stuck_writer",
      "video10 has a writer's mark, and no process has it open.",
    ],
    ["a writer has it open", { sysfs: { ...sysfs, writing: true }, isOpen: true }, "ok", ""],
    ["it can't be known whether it is open", { sysfs: { ...sysfs, writing: true } }, "ok", ""],
    [
      "device rules forbid to open it",
      { node: { ...rightNode, forbidden: true }, mustOpen: true },
      "not_permitted",
      "The container's device rules forbid to open /host/dev/video10.",
    ],
    [
      "device rules forbid to open it to a process that needn't",
      { node: { ...rightNode, forbidden: true } },
      "ok",
      "",
    ],
    [
      "a killed run left it locked",
      { locked: true },
      "faulty",
      "video10 is locked: no process can open it (max_openers in /sys).",
    ],
    [
      "the module made another number of it",
      { sysfs: undefined, shiftedTo: 18 },
      "wrong_number",
      "v4l2loopback was loaded for video10, and created video18 instead.",
    ],
    [
      "the number is a camera's",
      {
        sysfs: {
          ...sysfs,
          name: "USB Camera",
          loopback: false,
          writing: false,
          driver: "uvcvideo",
        },
      },
      "wrong_driver",
      'video10 is "USB Camera" of the driver uvcvideo, not of v4l2loopback.',
    ],
    [
      "the number is another driver's and the module is gone",
      { moduleLoaded: false, sysfs: { ...sysfs, name: "vivid", loopback: false } },
      "wrong_driver",
      'video10 is "vivid" of another driver, not of v4l2loopback.',
    ],
  ];
  test.each(rows)("when %s", (_, facts, reason, detail) => {
    expect(deviceState("video10", { ...right, ...facts })).toMatchObject({ reason, detail });
  });

  test.each([
    ["missing", "unavailable", "recreate"],
    ["module_gone", "unavailable", "recreate"],
    ["wrong_driver", "unavailable", "none"],
    ["wrong_number", "unavailable", "recreate"],
    ["faulty", "faulty", "recreate"],
    ["dead_caps", "faulty", "repair"],
    ["stuck_writer", "faulty", "reset"],
  ] as const)("%s is %s, and the fix is %s", (reason, state, fix) => {
    expect(faultOf("video10", reason, "Why.")).toMatchObject({
      ...{ id: "video10", state, reason, fix, detail: "Why." },
    });
  });

  test("of a device at another's number says that recreating it is disruptive, and of no other", () => {
    const disruptive = loopbackReasons.filter(
      (reason) => faultOf("video10", reason, "").disruptive,
    );
    expect(disruptive).toEqual(["wrong_number"]);
  });
});

test("what is streamed reads as code, size and rate", () => {
  expect(streamFormat("YUYV:640x480@30")).toBe("YUYV 640x480 30 fps");
  expect(streamFormat("YU12:1920x1080@30000/1001")).toBe("YU12 1920x1080 29.97 fps");
});

test("a code that is padded, and a rate that is none, are left away", () => {
  expect(streamFormat("Y8  :64x48@25/0")).toBe("Y8 64x48");
  expect(streamFormat("YUYV:64x48@0")).toBe("YUYV 64x48");
});

test("text that is no format has none", () => {
  for (const odd of ["", "YUYV", "@30", "YUYV:640@30", "\n"]) {
    expect(streamFormat(odd)).toBeUndefined();
  }
});
