import { expect, test } from "bun:test";
import { type HandOver, readHandOver, stillClean, writeHandOver } from "./hand-over-note.ts";

const note: HandOver = {
  driver: "v4l2loopback",
  bootId: "b1",
  clean: new Map([
    ["video10", "81:0"],
    ["video11", "81:1"],
  ]),
  unlisted: new Map([["video12", 3000]]),
};
const same = new Map([
  ["video10", "81:0"],
  ["video11", "81:1"],
  ["video12", "81:2"],
]);

test("a note is read as it was written", () => {
  expect(readHandOver(writeHandOver(note))).toEqual(note);
});

test("a note that is empty, cut short, of another form or of other types says nothing", () => {
  const text = writeHandOver(note);
  const others = [
    "",
    text.slice(0, -10),
    "null",
    "[]",
    text.replace('"form":2', '"form":1'),
    text.replace('"form":2', '"form":3'),
    text.replace('"b1"', "7"),
    text.replace('{"video12":3000}', '["video12"]'),
    text.replace('"video12":3000', '"video12":"3000"'),
    text.replace('"video12":3000', '"video12":-1'),
    text.replace('"video12":3000', '"video12":null'),
    text.replace(/"clean":\{[^}]*\}/, '"clean":["video10"]'),
  ];
  for (const other of others) expect(readHandOver(other)).toBeUndefined();
});

test("a device stays clean if driver, boot and device are the same", () => {
  expect(stillClean(note, note, same)).toEqual(["video10", "video11"]);
});

test("no device is clean after a reboot, or for another driver", () => {
  expect(stillClean(note, { ...note, bootId: "b2" }, same)).toEqual([]);
  expect(stillClean({ ...note, bootId: "" }, { ...note, bootId: "" }, same)).toEqual([]);
  expect(stillClean(note, { ...note, driver: "simulated" }, same)).toEqual([]);
});

test("a device of another number, or that is gone, is not clean", () => {
  const now = new Map([["video10", "81:7"]]);
  expect(stillClean(note, note, now)).toEqual([]);
});
