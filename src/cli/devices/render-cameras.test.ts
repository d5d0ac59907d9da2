import { expect, test } from "bun:test";
import { readPools } from "../../config/pools/read-pools.ts";
import type { CameraNode } from "../../drivers/camera/index.ts";
import type { PhysicalDevice } from "../../v4l2/physical-device.ts";
import { width } from "../tools/table.ts";
import { describeTrouble } from "./describe-camera.ts";
import { placeCameras } from "./place-cameras.ts";
import { renderCameras } from "./render-cameras.ts";

const file = `apiVersion: video-device-plugin/v1alpha1
kind: Pools
pools:
  - { name: cards, resource: a.b/cards, devices: { select: [{ driver: bttv }] } }
  - { name: webcams, resource: a.b/webcams, devices: { select: [{ driver: uvcvideo }] } }
`;

const parent = { path: "/sys/devices/usb1/1-1", bus: "usb", usb: undefined };
const node = (number: number, more: Partial<CameraNode> = {}): CameraNode => ({
  ...{ number, name: "HD Pro Webcam C920", index: 0, driver: "uvcvideo", parent },
  ...{ device: { major: 81, minor: number }, path: `/dev/video${number}` },
  ...{ kind: "camera", isGuess: false, card: "", busInfo: "", state: "ok", errno: undefined },
  ...more,
});
const metadata = (number: number, more: Partial<CameraNode> = {}) =>
  node(number, { kind: "metadata", index: 1, ...more });
const camera = (id: string, ...nodes: CameraNode[]): PhysicalDevice<CameraNode> => ({
  ...{ id, parent, nodes },
});

const free = camera("usb-046d-082d-4A1B", node(0), metadata(1));
const open = camera(
  "usb-0000:00:14.0-2",
  node(2, { state: "open", isGuess: true }),
  metadata(3, { isGuess: true, state: "unasked" }),
);
const stuck = camera("usb-0000:00:14.0-3", node(4, { state: "stuck", isGuess: true }));
const codec = camera(
  "platform-bcm2835-codec",
  node(10, { kind: undefined, isGuess: true, state: "unasked", driver: undefined, name: "a\x1bb" }),
);
const holders = ({ number }: CameraNode) =>
  number === 2 || number === 3 ? [{ pid: 12, command: "ffmpeg" }] : [];

test("a device has one row, with all of its nodes and a name", () => {
  expect(renderCameras([free, open, stuck, codec], holders)).toBe(
    [
      "NODES          KIND     LABEL               STATE  IDENTITY                DRIVER    OPEN IN",
      "video0 video1  camera   HD Pro Webcam C920  free   usb-046d-082d-4A1B      uvcvideo  -",
      "video2 video3  camera?  HD Pro Webcam C920  open   usb-0000:00:14.0-2      uvcvideo  ffmpeg (process 12)",
      "video4         camera?  HD Pro Webcam C920  stuck  usb-0000:00:14.0-3      uvcvideo  -",
      "video10        ?        a?b                 ?      platform-bcm2835-codec  ?         -",
      "video4 is stuck: it did not answer within 2 s. Unplug the device and plug it in again.",
      "",
    ].join("\n"),
  );
});

test("with pools of real devices, a row has its pool, and a sentence says why a device has none", () => {
  const { pools, problems } = readPools("p", file, { lookupGroup: () => undefined }, {});
  expect(problems).toEqual([]);
  const parts = { deviceDir: "/nonexistent", stateDir: "/nonexistent" };
  const places = placeCameras(
    [free, open, codec],
    pools.map(({ pool }) => pool),
    parts,
  );
  const text = renderCameras([free, open, codec], holders, Number.POSITIVE_INFINITY, places);
  expect(text.split("\n").map((line) => line.split(/ {2,}/)[4])).toEqual([
    ...["POOL", "webcams", "webcams", "-", undefined, undefined],
  ]);
  expect(text).toEndWith(
    "platform-bcm2835-codec matches no pool: cards (kind unknown, not camera), webcams (kind unknown, not camera).\n",
  );
  expect(placeCameras([free], [], parts).size).toBe(0);
});

test("the table fits the screen, and keeps nodes, kind, state and name longest", () => {
  const long = camera(`usb-046d-082d-${"x".repeat(49)}`, node(6), metadata(7));
  const lines = (columns: number) =>
    renderCameras([free, open, stuck, long], holders, columns).trimEnd().split("\n");
  for (let columns = 60; columns < 160; columns++) {
    for (const line of lines(columns)) expect(width(line)).toBeLessThanOrEqual(columns);
  }
  expect(lines(80).slice(0, 3)).toMatchInlineSnapshot(`
    [
      "NODES          KIND     LABEL         STATE  IDENTITY               OPEN IN",
      "video0 video1  camera   HD Pro Webc…  free   usb-046d-082d-4A1B     -",
      "video2 video3  camera?  HD Pro Webc…  open   usb-0000:00:14.0-2     ffmpeg (pro…",
    ]
  `);
});

test.each([
  ["ENODEV", /^video0: \/dev\/video0 can't be opened \(ENODEV\): its driver has lost the device\./],
  ["EPERM", /device rules/],
  ["ESTRANGE", /\(ESTRANGE\): see the kernel's log/],
])("a node that the kernel refuses to open has a reason: %s", (errno, text) => {
  expect(describeTrouble(node(0, { state: "refused", errno }))).toMatch(text);
});
