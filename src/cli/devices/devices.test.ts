import { describe, expect, test } from "bun:test";
import { PluginError } from "../../common/plugin-error.ts";
import { Use } from "../../gen/videodevice/admin/v1/admin_pb.ts";
import { type DeviceUse, refuseInUse } from "./device-use.ts";
import { type ListedDevice, renderDevices } from "./list-devices.ts";

const device: ListedDevice = {
  ...{ id: "video10", number: 10, label: "front door", driver: "v4l2loopback" },
  ...{ kind: "loopback", identity: "video10" },
  ...{ state: "ok", detail: "", streaming: false, format: "", device: "81:0" },
  ...{ path: "/dev/video10", mode: "0666", holders: [], pod: null, feedOf: null, feed: null },
};

describe("the list of devices", () => {
  test("has a column for what a person asks first", () => {
    const streaming: ListedDevice = {
      ...{ ...device, id: "video11", label: "b", streaming: true, format: "YUYV:640x480@30" },
      ...{ holders: [{ pid: 12, command: "ffmpeg" }], pod: "default/recorder" },
    };
    expect(renderDevices([device, streaming])).toBe(
      [
        "DEVICE   LABEL       DRIVER        STATE      FORMAT           MODE  POD               OPEN IN",
        "video10  front door  v4l2loopback  idle       -                0666  -                 -",
        "video11  b           v4l2loopback  streaming  YUYV:640x480@30  0666  default/recorder  ffmpeg (process 12)",
        "",
      ].join("\n"),
    );
  });

  test("says which device is the feed of which camera", () => {
    const ready = { ...device, streaming: true, feed: "video138" };
    const feed = { ...device, id: "video138", feedOf: "video10" };
    const broken = { ...feed, state: "missing" };
    const states = renderDevices([ready, feed, broken]).split("\n").slice(1, 4);
    expect(states.map((line) => line.split(/ {2,}/)[3])).toEqual([
      ...["ready camera", "feed of video10", "missing"],
    ]);
  });

  test("says below what is wrong with a device", () => {
    const broken = { ...device, state: "missing", detail: "There is no /dev/video10.", mode: null };
    expect(renderDevices([broken])).toMatch(/ missing .*\nThere is no \/dev\/video10\.\n$/);
  });

  test("lets no label steer the terminal, and lines up wide ones", () => {
    const lines = renderDevices([{ ...device, label: "\x1b[31m摄像头" }, device]).split("\n");
    expect(lines[1]).toContain("?[31m摄像头");
    const driverAt = (line = "") => Bun.stringWidth(line.slice(0, line.indexOf("v4l2loopback")));
    expect(driverAt(lines[1])).toBe(driverAt(lines[2]));
  });
});

describe("a device in use", () => {
  const free: DeviceUse = {
    ...{ id: "video10", open: false, holders: [], pod: undefined },
    ...{ podUnknown: "", managedUse: undefined },
  };
  const bot = { namespace: "default", pod: "bot", container: "main" };

  test.each([
    ["its pod", { pod: bot }, "video10 is in use: the pod default/bot owns it (container main)."],
    [
      "its pod, although the device can't be seen to be open",
      { pod: bot, open: undefined },
      "video10 is in use: the pod default/bot owns it (container main).",
    ],
    [
      "its process",
      { open: true, holders: [{ pid: 7, command: "ffmpeg" }] },
      "video10 is in use: it is open in ffmpeg (process 7).",
    ],
    [
      "what can be known",
      { open: true },
      "video10 is in use: it is open in a process that can't be seen from here.",
    ],
    [
      "the plugin that allocated it",
      { managedUse: Use.IN_USE },
      "video10 is in use: the running plugin has allocated it to a pod.",
    ],
  ])("is refused with the name of %s", (_, use, message) => {
    expect(refusal({ ...free, ...use })).toEqual({ code: "device_in_use", message });
  });

  test.each([
    [
      "the kubelet doesn't answer",
      { podUnknown: "/pr.sock: no process listens on it" },
      "the kubelet doesn't say which pod owns it (/pr.sock: no process listens on it)",
    ],
    [
      "it can't be seen whether it is open",
      { open: undefined },
      "only root sees whether it is open, and only where /sys is writable",
    ],
    [
      "the plugin doesn't know, as of one that an init container owns",
      { managedUse: Use.UNSPECIFIED },
      "the running plugin doesn't know whether a pod owns it",
    ],
  ])("may be unknown: %s", (_, use, reason) => {
    expect(refusal({ ...free, ...use })).toEqual({
      code: "use_unknown",
      message: `It is not known whether video10 is in use: ${reason}.`,
    });
  });

  test("is not one that is free", () => {
    expect(refusal(free)).toBeUndefined();
    expect(refusal({ ...free, managedUse: Use.FREE })).toBeUndefined();
  });
});

function refusal(device: DeviceUse) {
  try {
    refuseInUse(device);
    return undefined;
  } catch (error) {
    const { code, message } = PluginError.from(error);
    return { code, message };
  }
}
