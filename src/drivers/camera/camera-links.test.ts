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
  const link = links.path("usb-1");
  links.point(link, "video0");
  links.point(link, "video6");
  expect(readlinkSync(link)).toBe("/dev/video6");
  expect([links.isAt(link, "video6"), links.isAt(link, "video0")]).toEqual([true, false]);
  links.point(links.path("usb-1", "media-0"), "media3");
  expect(links.further("usb-1")).toEqual([join(directory, "usb-1@media-0")]);
  for (const each of [link, ...links.further("usb-1")]) links.point(each, undefined);
  expect(readdirSync(directory)).toEqual([]);
});

test("every user may follow the links, whatever the umask, unless the directory was there with another mode", () => {
  const umask = process.umask(0o077);
  try {
    links.point(links.path("usb-1"), "video0");
    expect(statSync(directory).mode & 0o777).toBe(0o755);
    chmodSync(directory, 0o700);
    links.point(links.path("usb-2"), "video2");
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  } finally {
    process.umask(umask);
  }
});
