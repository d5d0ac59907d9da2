import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../../../test/support/eventually.ts";
import { parseUevents } from "../../linux/uevents.ts";
import { SimulatedSysfs } from "./simulated-sysfs.ts";
import { SimulatedUsb, simulatedWebcams } from "./simulated-webcams.ts";

let directory: string;
let usb: SimulatedUsb;
let machine: ReturnType<typeof simulatedWebcams>;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "webcams-"));
  const sysfs = new SimulatedSysfs(join(directory, "sys"));
  usb = new SimulatedUsb(sysfs, join(directory, "dev"));
  machine = simulatedWebcams(sysfs.dir);
});
afterEach(() => rmSync(directory, { recursive: true }));

test("a webcam has a node for pictures and one for metadata, until it is unplugged", async () => {
  const paths = [usb.path(4), usb.path(5)];
  const capabilities = { driver: "uvcvideo", card: "Webcam C270", busInfo: "", version: 0 };
  usb.plug("1.2", "A", [4, 5]);
  expect([...(await machine.query(paths)).values()]).toEqual([
    { state: "answered", capabilities: { ...capabilities, deviceCaps: 0x0420_0001 } },
    { state: "answered", capabilities: { ...capabilities, deviceCaps: 0x04a0_0000 } },
  ]);
  expect(paths.map(machine.nodeNumber)).toEqual([
    { major: 81, minor: 0 },
    { major: 81, minor: 1 },
  ]);
  expect(usb.unplug("1.2")).toEqual([4, 5]);
  expect([...(await machine.query(paths)).values()]).toEqual([
    { state: "refused", errno: "ENODEV" },
    { state: "refused", errno: "ENODEV" },
  ]);
  expect(paths.map(machine.nodeNumber)).toEqual([undefined, undefined]);
});

test("the machine says as uevents what is plugged in and out, until the reader cancels", async () => {
  const { chunks } = machine.openUevents();
  const reader = chunks.getReader();
  const seen = new Set<string>();
  const reading = (async () => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      for (const { action, path } of parseUevents(next.value)) seen.add(`${action} ${path}`);
    }
  })();
  const uevents = (action: string) =>
    [0, 1].map((number) => `${action} /class/video4linux/video${number}`);
  usb.plug("1", "", [0, 1]);
  await eventually(() => uevents("add").every((event) => seen.has(event)), "two that were added");
  usb.unplug("1");
  await eventually(
    () => uevents("remove").every((event) => seen.has(event)),
    "two that were removed",
  );
  await reader.cancel();
  await reading;
  expect([...seen].toSorted()).toEqual([...uevents("add"), ...uevents("remove")]);
});
