import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { FakeVideoSysfs } from "../../test/support/fake-video-sysfs.ts";
import { NumaNodes } from "./numa-nodes.ts";

let sysfs: FakeVideoSysfs;
beforeEach(() => {
  sysfs = new FakeVideoSysfs();
});
afterEach(() => sysfs.remove());

const controller = "devices/pci0000:00/0000:00:14.0/numa_node";

test.each([
  ["0", 0],
  ["1", 1],
  ["-1", undefined],
  ["", undefined],
])("a USB device is near to the NUMA node of its controller: %p is %p", (text, node) => {
  const path = sysfs.addUsb("1.2", "A", [0, 1]);
  sysfs.put(controller, text);
  expect(new NumaNodes().of(path)).toBe(node);
});

test("a device of the board has none, and the nearest one counts", () => {
  const platform = sysfs.addPlatform("fe801000.csi", "unicam", [0]);
  expect(new NumaNodes().of(platform)).toBeUndefined();
  sysfs.put("devices/pci0000:40/numa_node", "0");
  sysfs.put("devices/pci0000:40/0000:40:01.0/numa_node", "1");
  expect(new NumaNodes().of(join(sysfs.dir, "devices/pci0000:40/0000:40:01.0"))).toBe(1);
});

test("it is read once for each path", () => {
  const path = sysfs.addUsb("1", "A", [0]);
  sysfs.put(controller, "1");
  const nodes = new NumaNodes();
  expect(nodes.of(path)).toBe(1);
  sysfs.put(controller, "0");
  expect(nodes.of(path)).toBe(1);
});
