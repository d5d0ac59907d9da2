import { expect, test } from "bun:test";
import { streamFormat } from "./stream-format.ts";

test("what is streamed reads as code, size and rate", () => {
  expect(streamFormat("YUYV:640x480@30")).toBe("YUYV 640x480 30 fps");
  expect(streamFormat("YU12:1920x1080@30000/1001")).toBe("YU12 1920x1080 29.97 fps");
});

test("a code that is padded, and a rate that is none, are left away", () => {
  expect(streamFormat("Y8  :64x48@25/0")).toBe("Y8 64x48");
  expect(streamFormat("YUYV:64x48@0")).toBe("YUYV 64x48");
});

test("what is no format is none", () => {
  for (const odd of ["", "YUYV", "@30", "YUYV:640@30", "\n"]) {
    expect(streamFormat(odd)).toBeUndefined();
  }
});
