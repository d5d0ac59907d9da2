import { afterEach, beforeEach, expect, test } from "bun:test";
import { FakeVideoSysfs } from "../../test/support/fake-video-sysfs.ts";
import { PluggedNodes } from "./plugged-nodes.ts";

let sysfs: FakeVideoSysfs;
beforeEach(() => {
  sysfs = new FakeVideoSysfs();
});
afterEach(() => sysfs.remove());

const interfaceDir = "devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0";

test("nodes with hardware behind them are read, by number", () => {
  sysfs.addUsb("1", "4A1B", [11, 2]);
  sysfs.addVirtual(5, "bot");
  const nodes = new PluggedNodes(sysfs.dir).read();
  expect(nodes.map(({ number, parent }) => [number, parent.usb?.serial])).toEqual([
    [2, "4A1B"],
    [11, "4A1B"],
  ]);
});

test("a node that is still there is read once, and has the same appearance", () => {
  sysfs.addUsb("1", "4A1B", [0]);
  const nodes = new PluggedNodes(sysfs.dir);
  const [before] = nodes.read();
  sysfs.put(`${interfaceDir}/video4linux/video0/name`, "another name");
  expect(nodes.read()[0]).toBe(before as never);
  expect(new PluggedNodes(sysfs.dir).read()[0]?.appearance).toBe(before?.appearance as string);
});

test("a node that was plugged in again is another, at the same port and with the same numbers", () => {
  sysfs.addUsb("1", "4A1B", [0]);
  const nodes = new PluggedNodes(sysfs.dir);
  const [before] = nodes.read();
  sysfs.removeUsb("1");
  expect(nodes.read()).toEqual([]);
  sysfs.addUsb("1", "7C", [0]);
  const [after] = nodes.read();
  expect(after?.parent.usb?.serial).toBe("7C");
  expect(after?.appearance).not.toBe(before?.appearance);
});

test("a node without class has none", () => {
  expect(new PluggedNodes(`${sysfs.dir}/none`).read()).toEqual([]);
});
