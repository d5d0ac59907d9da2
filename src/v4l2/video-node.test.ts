import { afterAll, expect, test } from "bun:test";
import { FakeVideoSysfs } from "../../test/support/fake-video-sysfs.ts";
import { readVideoNode, readVideoNodes } from "./video-node.ts";

const sysfs = new FakeVideoSysfs();
const webcam = sysfs.addUsb("1.2", "4A1B", [0, 1]);
const csi = sysfs.addPlatform("fe801000.csi", "unicam", [10]);
sysfs.addVirtual(20, "bot");
sysfs.put("class/video4linux/vbi0/name", "no video node");
afterAll(() => sysfs.remove());

test("all nodes are read in the order of their numbers", () => {
  expect(readVideoNodes(sysfs.dir).map(({ number, name }) => [number, name])).toEqual([
    [0, "Webcam C270"],
    [1, "Webcam C270"],
    [10, "unicam"],
    [20, "bot"],
  ]);
});

test("a USB camera is known by its ids, its serial number and its port", () => {
  expect(readVideoNode(sysfs.dir, 1)).toMatchObject({
    ...{ index: 1, device: { major: 81, minor: 1 }, driver: "uvcvideo" },
    parent: {
      ...{ path: webcam, bus: "usb" },
      usb: {
        ...{ vendor: "046d", product: "0825", serial: "4A1B" },
        ...{ controller: "0000:00:14.0", ports: "1.2" },
      },
    },
  });
});

test("a camera of the board has its bus, and a loopback device has no parent", () => {
  expect(readVideoNode(sysfs.dir, 10)).toMatchObject({
    driver: "unicam",
    parent: { path: csi, bus: "platform", usb: undefined },
  });
  expect(readVideoNode(sysfs.dir, 20)).toMatchObject({ driver: undefined, parent: undefined });
});

test("a number without a device, and a machine without video, are none", () => {
  expect(readVideoNode(sysfs.dir, 3)).toBeUndefined();
  expect(readVideoNodes("/nonexistent")).toEqual([]);
});
