import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findTarget, numberOf } from "./target.ts";

const sysfsDir = mkdtempSync(join(tmpdir(), "target-"));
afterAll(() => rmSync(sysfsDir, { recursive: true }));
mkdirSync(join(sysfsDir, "dev/char"), { recursive: true });
// /dev/full is 1:7
symlinkSync("../../devices/virtual/video4linux/video12", join(sysfsDir, "dev/char/1:7"));
const places = { deviceDir: "/dev", sysfsDir };

describe("a device", () => {
  test.each(["12", "video12"])("may be named %s", (text) => {
    expect(findTarget(text, places)).toMatchObject({ number: 12, path: "/dev/video12" });
  });

  test("may be a path of any name, and is known by its device number", () => {
    expect(findTarget("/dev/full", places)).toEqual({
      number: 12,
      path: "/dev/full",
      device: { major: 1, minor: 7 },
    });
  });

  test("that isn't there is known by its path's name", () => {
    const target = { number: 200, path: "/nowhere/video200", device: undefined };
    expect(findTarget("/nowhere/video200", places)).toEqual(target);
  });

  test("that /sys doesn't have has no number", () => {
    const target = findTarget("/dev/null", places);
    expect(target.number).toBeUndefined();
    expect(() => numberOf(target)).toThrow("/dev/null is no video device.");
  });

  test.each(["256", "video", "camera", "", "-1", "video1234"])("can't be %j", (text) => {
    expect(() => findTarget(text, places)).toThrow(/is no video device/);
  });
});
