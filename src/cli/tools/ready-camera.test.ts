import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readyCameraOf } from "./ready-camera.ts";
import { findTarget } from "./target.ts";

const sysfsDir = mkdtempSync(join(tmpdir(), "ready-camera-"));
afterAll(() => rmSync(sysfsDir, { recursive: true }));
const places = { deviceDir: "/dev", sysfsDir };

function addDevice(number: number, name: string, format: string): void {
  const dir = join(sysfsDir, "class/video4linux", `video${number}`);
  mkdirSync(dir, { recursive: true });
  const attributes = { name, format, dev: `81:${number}`, buffers: "2", max_openers: "10" };
  for (const [attribute, text] of Object.entries(attributes)) {
    writeFileSync(join(dir, attribute), `${text}\n`);
  }
}

addDevice(10, "front door", "YU12:1280x720@30");
addDevice(138, "front door feed", "YU12:1280x720@30");
addDevice(11, "plain", "YUYV:640x480@30");
addDevice(12, "not held", "");
addDevice(140, "not held feed", "");
addDevice(13, "odd", "MJPG:1280x720@30");
addDevice(141, "odd feed", "MJPG:1280x720@30");
addDevice(14, "two plain ones", "YU12:640x480@30");
addDevice(142, "two plain ones", "");
// A container's nodes: /dev/full is 1:7, /dev/zero 1:5.
mkdirSync(join(sysfsDir, "dev/char"), { recursive: true });
symlinkSync("../../devices/virtual/video4linux/video10", join(sysfsDir, "dev/char/1:7"));
symlinkSync("../../devices/virtual/video4linux/video138", join(sysfsDir, "dev/char/1:5"));

const find = (name: string, env = {}) =>
  readyCameraOf(findTarget(name, places), places, "VIDEO_DEVICE", env);

describe("a ready camera", () => {
  test.each(["video10", "138", "/dev/video138"])("is found by %s, with its frames", (name) => {
    expect(find(name)).toMatchObject({
      camera: { number: 10, path: "/dev/video10" },
      feed: { number: 138, path: "/dev/video138" },
      frames: { size: { width: 1280, height: 720 }, format: "YU12" },
    });
  });

  test("has the paths of the container, whichever of them is named", () => {
    const env = { VIDEO_CAMERAS: "/dev/full", VIDEO_FEEDS: "/dev/zero" };
    for (const name of ["/dev/full", "/dev/zero", "video10"]) {
      expect(find(name, env)).toMatchObject({
        camera: { path: name === "video10" ? "/dev/video10" : "/dev/full" },
        feed: { path: "/dev/zero" },
      });
    }
  });

  test.each(["video11", "video12", "video14", "video200", "/dev/null"])("is not %s", (name) => {
    expect(find(name)).toBeUndefined();
  });

  test("with frames that can't be made here is refused", () => {
    expect(() => find("video13")).toThrow("video13 is a ready camera with MJPG frames");
  });
});
