import { describe, expect, test } from "bun:test";
import { refuseInUse } from "./in-use.ts";
import type { ListedDevice } from "./look.ts";
import { renderDevices } from "./render.ts";

const device: ListedDevice = {
  ...{ id: "video10", number: 10, label: "front door", driver: "v4l2loopback" },
  ...{ state: "ok", detail: "", streaming: false, format: "", device: "81:0" },
  ...{ path: "/dev/video10", mode: "0666", holders: [], pod: null },
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

  test("says below what is wrong with one", () => {
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
  const free = { id: "video10", open: false, holders: [], pod: undefined };

  test.each([
    ["its pod", { pod: { pod: "default/bot", container: "main" } }, /the pod default\/bot has it/],
    [
      "its process",
      { open: true, holders: [{ pid: 7, command: "ffmpeg" }] },
      /ffmpeg \(process 7\)/,
    ],
    ["what can be known", { open: true }, /a process that can't be seen from here/],
  ])("is refused with the name of %s", (_, use, message) => {
    expect(() => refuseInUse({ ...free, ...use })).toThrow(message);
  });

  test.each([false, undefined])("is not one that nobody has (open: %p)", (open) => {
    expect(() => refuseInUse({ ...free, open })).not.toThrow();
  });
});
