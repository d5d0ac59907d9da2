import { describe, expect, test } from "bun:test";
import { cutEnd, cutMiddle, printable, renderTable, under, width } from "./table.ts";

test("columns are as wide as their widest cell on the terminal", () => {
  expect(
    renderTable([
      ["A", "BB"],
      ["摄像", "x"],
      ["\x1b[31mred\x1b[0m", "y"],
    ]),
  ).toEqual(["A     BB", "摄像  x", "\x1b[31mred\x1b[0m   y"]);
});

describe("a text that is cut", () => {
  test.each([
    ["recorder", 8, "recorder", "recorder"],
    ["recorder", 7, "record…", "rec…der"],
    ["recorder", 1, "…", "…"],
    ["recorder", 0, "", ""],
    ["摄像头摄像头", 6, "摄像…", "摄…头"],
  ])("%s at %d keeps its beginning, or both ends", (text, columns, end, middle) => {
    expect(cutEnd(text, columns)).toBe(end);
    expect(cutMiddle(text, columns)).toBe(middle);
    expect(width(cutMiddle(text, columns))).toBeLessThanOrEqual(columns);
  });
});

test("what would steer a terminal is not printed", () => {
  expect(printable("a\x1b[31mb\nc\u202ed")).toBe("a?[31mb?c?d");
});

test("a sentence has its subject's name before it, once", () => {
  expect(under("video10", "video10 is held open.")).toBe("video10 is held open.");
  expect(under("video1", "video10 is held open.")).toBe("video1: video10 is held open.");
  expect(under("video10", "There is no /dev/video10.")).toBe("video10: There is no /dev/video10.");
});
