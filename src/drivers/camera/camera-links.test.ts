import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CameraLinks } from "./camera-links.ts";

let run: string;
let directory: string;
let links: CameraLinks;
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), "camera-links-"));
  directory = join(run, "devices");
  links = new CameraLinks(directory, "/dev");
});
afterEach(() => rmSync(run, { recursive: true }));

test("a link leads to the node of the moment, and goes with it", () => {
  const further = { name: "media-0", path: "media3" };
  links.update("usb-1", [{ path: "video0" }]);
  links.update("usb-1", [{ path: "video6" }, further]);
  expect(readlinkSync(links.path("usb-1"))).toBe("/dev/video6");
  expect(readlinkSync(join(directory, "usb-1@media-0"))).toBe("/dev/media3");
  expect(links.areAt("usb-1", [{ path: "video6" }, further])).toBe(true);
  expect(links.areAt("usb-1", [{ path: "video0" }, further])).toBe(false);
  links.update("usb-1", [{ path: "video6" }]);
  expect(readdirSync(directory)).toEqual(["usb-1"]);
  links.update("usb-1", []);
  expect(readdirSync(directory)).toEqual([]);
});

test("links of an earlier process go, and those of other devices stay", () => {
  const earlier = new CameraLinks(directory, "/dev");
  earlier.update("usb-1", [{ path: "video0" }, { name: "usb-0", path: "bus/usb/001/004" }]);
  earlier.update("usb-12", [{ path: "video2" }, { name: "usb-0", path: "bus/usb/001/005" }]);
  links.update("usb-1", [{ path: "video0" }]);
  expect(readdirSync(directory).toSorted()).toEqual(["usb-1", "usb-12", "usb-12@usb-0"]);
});

test("every user may follow the links, whatever the umask, unless the directory was there with another mode", () => {
  const umask = process.umask(0o077);
  try {
    links.update("usb-1", [{ path: "video0" }]);
    expect(statSync(directory).mode & 0o777).toBe(0o755);
    chmodSync(directory, 0o700);
    links.update("usb-2", [{ path: "video2" }]);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  } finally {
    process.umask(umask);
  }
});
