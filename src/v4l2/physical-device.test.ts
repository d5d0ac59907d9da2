import { describe, expect, test } from "bun:test";
import { groupNodes, legalId, type QueriedNode } from "./physical-device.ts";
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
const ids = (nodes: readonly QueriedNode[]) => groupNodes(nodes).map(({ id }) => id);

test("the nodes of a webcam are one device, whatever their numbers are beside", () => {
  const [one, two] = [camera(usb("1")), camera(usb("2"))];
  const devices = groupNodes(
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
  expect(groupNodes([node("none", { parent: undefined })])).toEqual([]);
});

describe("a USB camera is named", () => {
  test("by its serial number, at any port", () => {
    const name = "usb-046d-0825-4A1B";
    expect(ids(camera(usb("1.2", { serial: "4A1B" })))).toEqual([name]);
    expect(ids(camera(usb("3", { serial: "4A1B" })))).toEqual([name]);
  });

  test.each(["", "0", "000000", "0001", "SN0001", "200901010001"])(
    "by its port if the serial number is %p, which says nothing",
    (serial) => {
      expect(ids(camera(usb("1.2", { serial })))).toEqual(["usb-0000:00:14.0-1.2"]);
    },
  );

  test("by its port if another has the same serial number, and so is that one", () => {
    const twins = ["1", "2"].flatMap((ports) => camera(usb(ports, { serial: "4A1B" })));
    const other = camera(usb("3", { serial: "4A1B", product: "0826" }));
    expect(ids([...twins, ...other])).toEqual([
      ...["usb-0000:00:14.0-1", "usb-0000:00:14.0-2", "usb-046d-0826-4A1B"],
    ]);
  });

  test("by its port if serial numbers become the same as a name", () => {
    const two = [camera(usb("1", { serial: "a/b" })), camera(usb("2", { serial: "a b" }))].flat();
    expect(ids(two)).toEqual(["usb-0000:00:14.0-1", "usb-0000:00:14.0-2"]);
  });
});

describe("any other device is named by its place", () => {
  test.each([
    ["0000:00:1c.0/0000:08:00.0", "PCIe:0000:08:00.0", "pci-0000:08:00.0"],
    ["platform/soc/fe801000.csi", "platform:fe801000.csi", "platform-fe801000.csi"],
  ])("%s", (path, busInfo, name) => {
    expect(ids([node(path, { busInfo })])).toEqual([name]);
  });

  test("and its bus_info, where one place has several", () => {
    const nodes = ["000", "000", "001"].map((instance) =>
      node("platform/vivid.0", { busInfo: `platform:vivid-${instance}` }),
    );
    expect(ids(nodes)).toEqual([
      ...["platform-vivid.0-platform:vivid-000", "platform-vivid.0-platform:vivid-001"],
    ]);
  });

  test("a node that could not be asked belongs to the only device of its place", () => {
    const nodes = [node("0000:08:00.0", { busInfo: "PCIe:0000:08:00.0" }), node("0000:08:00.0")];
    expect(ids(nodes)).toEqual(["pci-0000:08:00.0"]);
  });
});

describe("a name", () => {
  test.each([
    ["a@b c", "a-b-c"],
    ["usb-1-2-\u0000\u001b[31m", "usb-1-2----31m"],
    ["ends in -.:_", "ends-in"],
    ["kamera-ä", "kamera"],
  ])("has the characters that CDI accepts: %p", (text, name) => {
    expect(legalId(text)).toBe(name);
  });

  test("has at most 63, and long serial numbers that begin alike stay apart", () => {
    const names = ["1", "2"].map((end) => legalId(`usb-046d-0825-${"x".repeat(200)}${end}`));
    expect(names.map((name) => name.length)).toEqual([63, 63]);
    expect(new Set(names).size).toBe(2);
    expect(legalId("x".repeat(63))).toBe("x".repeat(63));
  });
});
