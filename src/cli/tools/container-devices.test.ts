import { describe, expect, test } from "bun:test";
import { containerDevices, isSimulated } from "./container-devices.ts";
import { findTarget } from "./target.ts";

describe("the devices of a container", () => {
  test("are those that its variables name", () => {
    const env = { CAMERA: "/dev/video10", CAMERAS: "/dev/video10,/dev/video12" };
    expect(containerDevices("CAMERA", env)).toEqual(["/dev/video10", "/dev/video12"]);
  });

  test("are none without the variables", () => {
    expect(() => containerDevices("CAMERA", {})).toThrow(
      "No device is named, and CAMERA and CAMERAS are not set, so this container has none.",
    );
  });

  test.each([
    { CAMERA: "/dev/video10" },
    { CAMERAS: "/dev/video10" },
    { CAMERA: "/dev/video11", CAMERAS: "/dev/video10,/dev/video11" },
  ])("are refused where the variables disagree: %j", (env) => {
    expect(() => containerDevices("CAMERA", env)).toThrow("the second must begin with the first");
  });

  test("are simulated if they have the number of /dev/null", () => {
    const places = { deviceDir: "/dev", sysfsDir: "/sys" };
    expect(isSimulated(findTarget("/dev/null", places))).toBe(true);
    expect(isSimulated(findTarget("/dev/zero", places))).toBe(false);
    expect(isSimulated(findTarget("/nowhere/video10", places))).toBe(false);
  });
});
