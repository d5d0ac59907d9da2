import { describe, expect, test } from "bun:test";
import { classify } from "./device-kind.ts";
import { type DeviceRule, type DeviceTraits, selects } from "./selects.ts";

const usb = { vendor: "046d", product: "0825", serial: "4A1B", controller: "0000:00:14.0" };
const webcam: DeviceTraits = {
  kind: "camera",
  driver: "uvcvideo",
  card: "HD Pro Webcam C920",
  busInfo: "usb-0000:00:14.0-1.2",
  links: ["/dev/v4l/by-id/usb-046d-video-index0", "/dev/v4l/by-path/pci-0000:00:14.0-video-index0"],
  usb: { ...usb, ports: "1.2" },
};

/** Devices as people have reported them: driver, card, bus_info and device_caps of the main node. */
const seen = [
  ["uvcvideo", "HD Pro Webcam C920", "usb-0000:00:14.0-1.2", 0x0420_0001],
  ["uvcvideo", "Live Gamer Portable 2 Plus", "usb-0000:06:00.1-1.4", 0x0420_0001],
  ["sc0710", "Elgato 4K Pro", "PCIe:0000:08:00.0", 0x0520_0001],
  ["unicam", "unicam", "platform:fe801000.csi", 0x0520_0001],
  ["bcm2835-codec", "bcm2835-codec-decode", "platform:bcm2835-codec", 0x0420_4000],
  ["bcm2835-codec", "bcm2835-codec-isp", "platform:bcm2835-codec", 0x0420_4000],
  ["rpivid", "rpivid", "platform:rpivid", 0x0420_4000],
  ["pispbe", "pispbe-input", "platform:1000880000.pisp_be", 0x0420_2000],
  ["rkvdec", "rkvdec", "platform:rkvdec", 0x0420_4000],
  ["isys", "ipu6", "PCI:0000:00:05.0", 0x2420_0001],
  ["vimc", "vimc", "platform:vimc", 0x2420_0001],
  ["vim2m", "vim2m", "platform:vim2m", 0x0420_8000],
  ["vivid", "vivid", "platform:vivid-000", 0x0520_0001],
] as const;
const devices = seen.map(
  ([driver, card, busInfo, caps]): DeviceTraits => ({
    ...{ driver, card, busInfo, kind: classify(caps), links: [], usb: undefined },
  }),
);
const chosen = (...rules: DeviceRule[]) =>
  devices.filter((device) => rules.some((rule) => selects(rule, device))).map(({ card }) => card);

describe("among the devices of many nodes", () => {
  test("an empty rule matches the cameras, and no codec, no stage of a pipeline, no test driver", () => {
    const cameras = ["HD Pro Webcam C920", "Live Gamer Portable 2 Plus", "Elgato 4K Pro", "unicam"];
    expect(chosen({})).toEqual(cameras);
    expect(chosen({ driver: "*", card: "*", bus: "*" })).toEqual(cameras);
  });

  test("codecs and outputs are matched by those who ask for them", () => {
    expect(chosen({ kind: "codec" })).toEqual([
      ...["bcm2835-codec-decode", "bcm2835-codec-isp", "rpivid", "rkvdec"],
    ]);
    expect(chosen({ kind: "codec", card: "*-decode" })).toEqual(["bcm2835-codec-decode"]);
    expect(chosen({ driver: "rpivid" })).toEqual([]);
    expect(chosen({ kind: "output" })).toEqual(["pispbe-input"]);
  });

  test("any and virtual match what nothing else does", () => {
    expect(chosen({ kind: "any", driver: "isys" })).toEqual(["ipu6"]);
    expect(chosen({ virtual: true, driver: "vivid" })).toEqual(["vivid"]);
    expect(chosen({ kind: "any", virtual: true })).toHaveLength(devices.length);
  });

  test("PCI cards are matched by bus, however their drivers write it", () => {
    expect(chosen({ bus: "PCI*:0000:08:*" })).toEqual(["Elgato 4K Pro"]);
  });
});

describe("a rule", () => {
  test.each<[DeviceRule, boolean]>([
    [{ driver: "uvc*", card: "HD Pro*" }, true],
    [{ driver: "uvc*", card: "HD Pro" }, false],
    [{ bus: "usb-0000:00:14.0-*" }, true],
    [{ link: "/dev/v4l/by-path/*" }, true],
    [{ link: "/dev/v4l/by-uuid/*" }, false],
    [{ usb: { vendor: "046D", product: "0825" } }, true],
    [{ usb: { vendor: "046d", product: "0826" } }, false],
    [{ usb: { serial: "4A1?" } }, true],
    [{ usb: { serial: "4a1b" } }, false],
    [{ usb: { port: "1.*" } }, true],
    [{ usb: { port: "1" } }, false],
  ])("%p has to match in all: %p", (rule, matches) => {
    expect(selects(rule, webcam)).toBe(matches);
  });

  test("matches nothing that isn't known of the device", () => {
    const unknown = { ...webcam, kind: undefined, busInfo: undefined, usb: undefined, links: [] };
    expect(selects({ kind: "any" }, unknown)).toBe(true);
    for (const rule of [{}, { bus: "*" }, { link: "*" }, { usb: { serial: "*" } }]) {
      expect(selects({ kind: "any", ...rule }, { ...unknown, kind: "camera" })).toBe(
        Object.keys(rule).length === 0,
      );
    }
    expect(selects({}, unknown)).toBe(false);
  });

  test("that asks for a serial number of any text matches a device without", () => {
    expect(
      selects({ usb: { serial: "*" } }, { ...webcam, usb: { ...usb, serial: "", ports: "1" } }),
    ).toBe(true);
    expect(
      selects({ usb: { serial: "?*" } }, { ...webcam, usb: { ...usb, serial: "", ports: "1" } }),
    ).toBe(false);
  });
});
