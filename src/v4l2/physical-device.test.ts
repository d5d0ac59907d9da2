import { describe, expect, test } from "bun:test";
import { physicalDevices, type QueriedNode } from "./physical-device.ts";
import type { UsbDevice } from "./video-node.ts";

const usb = (ports: string, more: Partial<UsbDevice> = {}): UsbDevice => ({
  ...{ vendor: "046d", product: "0825", serial: "", controller: "0000:00:14.0", ports },
  ...more,
});

let next = 0;
const node = (path: string, more: Partial<QueriedNode> & { usb?: UsbDevice } = {}): QueriedNode => {
  const { usb: device, ...rest } = more;
  const bus = device !== undefined ? "usb" : path.startsWith("0000:") ? "pci" : "platform";
  return {
    ...{ number: next++, name: "a camera", index: 0, device: undefined, driver: "uvcvideo" },
    parent: { path: `/sys/devices/${path}`, bus, usb: device },
    ...rest,
  };
};
const camera = (device: UsbDevice) => [
  node(`usb1/1-${device.ports}`, { usb: device }),
  node(`usb1/1-${device.ports}`, { usb: device, index: 1 }),
];
const ids = (nodes: readonly QueriedNode[]) => physicalDevices(nodes).map(({ id }) => id);

test("the nodes of a webcam are one device, whatever their numbers are beside", () => {
  const [one, two] = [camera(usb("1")), camera(usb("2"))];
  const devices = physicalDevices(
    [one, two]
      .flatMap((nodes) => nodes.slice(0, 1))
      .concat(...[two, one].map((nodes) => nodes.slice(1))),
  );
  expect(devices.map(({ nodes }) => nodes.map(({ index }) => index))).toEqual([
    [0, 1],
    [0, 1],
  ]);
});

test("a node without a device behind it, as of v4l2loopback, is none", () => {
  expect(physicalDevices([node("none", { parent: undefined })])).toEqual([]);
});

test("each device has its name", () => {
  const nodes = [...camera(usb("1", { serial: "4A1B" })), node("0000:00:1c.0/0000:08:00.0")];
  expect(ids(nodes)).toEqual(["usb-046d-0825-4A1B", "pci-0000:08:00.0"]);
});

describe("devices of one place", () => {
  test("differ by their bus_info", () => {
    const nodes = ["000", "000", "001"].map((instance) =>
      node("platform/vivid.0", { busInfo: `platform:vivid-${instance}` }),
    );
    expect(ids(nodes)).toEqual([
      ...["platform-vivid.0-platform:vivid-000", "platform-vivid.0-platform:vivid-001"],
    ]);
  });

  test("are one if a node could not be asked, and the others are of one device", () => {
    const nodes = [node("0000:08:00.0", { busInfo: "PCIe:0000:08:00.0" }), node("0000:08:00.0")];
    expect(ids(nodes)).toEqual(["pci-0000:08:00.0"]);
  });
});
