import { expect, test } from "bun:test";
import { describeDefect, moduleDefect } from "./module-defect.ts";

test.each([
  ["0.15.0", "6.18.0", true],
  ["0.15.1", "6.18.0-3-cachyos", true],
  ["0.15.2", "7.0.0-44-generic", true],
  [undefined, "7.0.0-28-generic", false],
  [undefined, "6.18.3-arch1-1", false],
  // 0.13.0 gives itself the version of 0.12.7
  ["0.12.7", "6.18.0", false],
  ["0.13.2", "6.18.0", false],
  ["0.14.0", "7.0.0-28-generic", false],
])("v4l2loopback %s on Linux %s has a defect; certain: %p", (version, kernel, certain) => {
  expect(moduleDefect(version, kernel)).toMatchObject({ certain });
});

test.each([
  ["0.15.0", "6.17.0-40-generic"],
  ["0.15.2", "6.9.12"],
  ["0.15.3", "6.18.0"],
  ["0.15.4", "7.0.0-44-generic"],
  ["0.16", "7.2.13"],
  ["0.14.0", "6.12.1"],
  [undefined, "6.8.0-151-generic"],
  [undefined, "6.1.0-44-amd64"],
  ["nonsense", "nonsense"],
])("v4l2loopback %s on Linux %s has no known one", (version, kernel) => {
  expect(moduleDefect(version, kernel)).toBeUndefined();
});

test("a defect has a sentence", () => {
  const defect = { certain: true, effect: "crashes this kernel", remedy: "" };
  expect(describeDefect(undefined, defect, "6.18.1")).toBe(
    "v4l2loopback 0.12 crashes this kernel, and this is 6.18.1",
  );
});
