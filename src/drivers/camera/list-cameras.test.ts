import { afterEach, beforeEach, expect, test } from "bun:test";
import { FakeVideoSysfs } from "../../../test/support/fake-video-sysfs.ts";
import type { RememberedDevice } from "../../v4l2/identify.ts";
import { type Asking, listCameras, mainNode } from "./list-cameras.ts";
import type { NodeAnswer } from "./questions.ts";

let sysfs: FakeVideoSysfs;
beforeEach(() => {
  sysfs = new FakeVideoSysfs();
  sysfs.addUsb("1", "4A1B", [0, 1]);
  sysfs.addPlatform("bcm2835-codec", "bcm2835-codec", [10]);
  sysfs.addVirtual(20, "bot");
});
afterEach(() => sysfs.remove());

const answered = (deviceCaps: number, busInfo = ""): NodeAnswer<"capabilities"> => ({
  state: "answered",
  capabilities: { driver: "", card: "", busInfo, version: 0, deviceCaps },
});

/** Answers as measured, and which nodes were asked. */
function asking(open: readonly number[] = []) {
  const asked: string[] = [];
  const answers: Readonly<Record<string, NodeAnswer<"capabilities">>> = {
    "/dev/video0": answered(0x0420_0001),
    "/dev/video1": answered(0x04a0_0000),
    "/dev/video10": answered(0x0420_4000),
  };
  const how: Asking = {
    isOpen: ({ number }) => open.includes(number),
    query: async (paths) => {
      asked.push(...paths);
      return new Map(paths.flatMap((path) => (answers[path] ? [[path, answers[path]]] : [])));
    },
  };
  return { how, asked, answers };
}

async function list(how?: Asking, remembered?: readonly RememberedDevice[]) {
  const devices = await listCameras({ deviceDir: "/dev", sysfsDir: sysfs.dir }, how, remembered);
  return devices.map((device) => ({
    id: device.id,
    kind: mainNode(device)?.kind,
    nodes: device.nodes.map(({ number, state, isGuess }) =>
      [number, state, ...(isGuess ? ["guess"] : [])].join(" "),
    ),
  }));
}

test("what each node says of itself makes a webcam a camera and a codec none", async () => {
  const { how, asked } = asking();
  expect(await list(how)).toEqual([
    { id: "usb-046d-0825-4A1B", kind: "camera", nodes: ["0 ok", "1 ok"] },
    { id: "platform-bcm2835-codec", kind: "codec", nodes: ["10 ok"] },
  ]);
  expect(asked).toEqual(["/dev/video0", "/dev/video1", "/dev/video10"]);
});

test("a node that a process holds open is not asked, whether a scan of /proc or the kernel shows it", async () => {
  const { how, asked } = asking([10]);
  sysfs.put("devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0/power/runtime_usage", "1");
  expect(await list(how)).toEqual([
    { id: "usb-046d-0825-4A1B", kind: "camera", nodes: ["0 open guess", "1 open guess"] },
    { id: "platform-bcm2835-codec", kind: undefined, nodes: ["10 open guess"] },
  ]);
  expect(asked).toEqual([]);
});

test("a device has the name that it had before its twin came", async () => {
  sysfs.addUsb("2", "4A1B", [2, 3]);
  const ids = async (remembered?: readonly RememberedDevice[]) =>
    (await list(undefined, remembered)).map(({ id }) => id).filter((id) => id.startsWith("usb"));
  expect(await ids()).toEqual(["usb-0000:00:14.0-1", "usb-0000:00:14.0-2"]);
  const serial = "usb-046d-0825-4A1B";
  expect(await ids([{ id: serial, place: "usb-0000:00:14.0-2", serial }])).toEqual([
    ...["usb-0000:00:14.0-1", serial],
  ]);
});

test("without asking, only USB cameras have a kind, which is a guess", async () => {
  expect(await list()).toEqual([
    { id: "usb-046d-0825-4A1B", kind: "camera", nodes: ["0 unasked guess", "1 unasked guess"] },
    { id: "platform-bcm2835-codec", kind: undefined, nodes: ["10 unasked guess"] },
  ]);
});

test("a node that is stuck, refused or was not reached keeps its place", async () => {
  const { how } = asking();
  const query = async () =>
    new Map<string, NodeAnswer<"capabilities">>([
      ["/dev/video0", { state: "stuck" }],
      ["/dev/video10", { state: "refused", errno: "ENODEV" }],
    ]);
  expect(await list({ ...how, query })).toEqual([
    { id: "usb-046d-0825-4A1B", kind: "camera", nodes: ["0 stuck guess", "1 unasked guess"] },
    { id: "platform-bcm2835-codec", kind: undefined, nodes: ["10 refused guess"] },
  ]);
});
