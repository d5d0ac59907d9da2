import { expect, test } from "bun:test";
import type { DeviceRule, DeviceTraits } from "../../v4l2/selects.ts";
import { whyNotIn } from "./find-pool.ts";

const webcam: DeviceTraits = {
  kind: "camera",
  driver: "uvcvideo",
  card: "HD Pro Webcam C920",
  busInfo: "usb-0000:00:14.0-1.2",
  links: ["/dev/v4l/by-id/usb-046d-video-index0", "/dev/v4l/by-path/pci-0000:00:14.0-video-index0"],
  usb: {
    ...{ vendor: "046d", product: "0825", serial: "4A1B" },
    ...{ controller: "0000:00:14.0", ports: "1.2" },
  },
};

test.each([
  [{ select: [{ driver: "uvcvideo" }] }, undefined],
  [
    { select: [{ driver: "bttv" }, { kind: "codec" }] },
    "driver uvcvideo, not bttv; kind camera, not codec",
  ],
  [{ select: [{ card: "Brio*" }] }, "card HD Pro Webcam C920, not Brio*"],
  [{ select: [{ usb: { vendor: "046D", serial: "B*" } }] }, "usb.serial 4A1B, not B*"],
  [
    { select: [{ link: "/dev/v4l/by-id/other" }] },
    `link ${webcam.links.join(" ")}, not /dev/v4l/by-id/other`,
  ],
  [{ select: [{}], exclude: [{ driver: "x" }, { card: "HD*" }] }, "exclude[1] matches"],
] as const)("a pool says why a device does not belong to it: %j", (rules, why) => {
  expect(whyNotIn({ exclude: [], ...rules }, webcam)).toBe(why);
});

test("a pool says what is not known of a device", () => {
  const unasked = { ...webcam, busInfo: undefined, links: [] };
  const why = (rule: DeviceRule) => whyNotIn({ select: [rule], exclude: [] }, unasked);
  expect(why({ bus: "usb*" })).toBe("bus unknown, not usb*");
  expect(why({ link: "*" })).toBe("link none, not *");
  const vivid = { ...webcam, driver: "vivid" };
  expect(whyNotIn({ select: [{}], exclude: [] }, vivid)).toBe(
    "driver vivid, which has no hardware",
  );
});
