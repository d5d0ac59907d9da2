import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  isNumberTaken,
  loopbackNumbers,
  moduleState,
  readControlDevice,
  readModuleParameter,
  readModuleVersion,
  readSysfsDevice,
  videoClass,
} from "./sysfs.ts";

let sys: string;
beforeEach(() => {
  sys = mkdtempSync(join(tmpdir(), "sysfs-"));
});
afterEach(() => rmSync(sys, { recursive: true }));

const VIDEO10 = "class/video4linux/video10";

/** Writes an attribute; undefined takes it away. */
function attribute(path: string, text: string | undefined): void {
  mkdirSync(dirname(join(sys, path)), { recursive: true });
  rmSync(join(sys, path), { force: true });
  if (text !== undefined) writeFileSync(join(sys, path), text);
}

/** A loopback device as v4l2loopback 0.15 shows it. */
function addDevice(): void {
  const attributes = {
    ...{ name: "My WebCam\n", dev: "81:3\n", state: "output\n" },
    ...{ format: "YUYV:640x480@30\n", buffers: "0\n", max_openers: "10\n" },
  };
  for (const [name, text] of Object.entries(attributes)) attribute(`${VIDEO10}/${name}`, text);
}

const video10 = () => readSysfsDevice(sys, 10);

describe("a device in /sys", () => {
  const RIGHT = {
    ...{ number: 10, name: "My WebCam", device: { major: 81, minor: 3 } },
    ...{ loopback: true, writing: false, driver: undefined },
    ...{ format: "YUYV:640x480@30", maxOpeners: 10 },
  };

  test.each<[string, string, string | undefined, object]>([
    ["with all its attributes", "dev", "81:3\n", {}],
    ["without its number", "dev", undefined, { device: undefined }],
    ["with an empty number", "dev", "", { device: undefined }],
    ["with a number in a later format", "dev", "81:3:0\n", { device: undefined }],
    ["with a number in hexadecimal", "dev", "0x51:0x3\n", { device: undefined }],
    ["without its label", "name", undefined, { name: "" }],
    ["with an empty label", "name", "\n", { name: "" }],
    ["with a label of two lines", "name", "a\nb\n", { name: "a\nb" }],
    ["that says nothing of its state", "state", "", {}],
    ["with a state of a later version", "state", "capture paused\n", {}],
    ["that is written to", "state", "capture\n", { writing: true }],
    ["before 0.13, with a format", "state", undefined, { writing: true }],
    [
      "that has no max_openers (yet)",
      "max_openers",
      undefined,
      { loopback: false, maxOpeners: undefined },
    ],
    ["that has no buffers (yet)", "buffers", undefined, { loopback: false }],
    ["that has no format (yet)", "format", undefined, { loopback: false, format: "" }],
    ["with an empty format", "format", "", { format: "" }],
    ["with buffers in a later format", "buffers", "2 of 32\n", {}],
  ])("%s", (_, name, text, differs) => {
    addDevice();
    attribute(`${VIDEO10}/${name}`, text);
    expect(video10()).toEqual({ ...RIGHT, ...differs } as typeof RIGHT);
  });

  test("that isn't there is none", () => expect(video10()).toBeUndefined());

  test("before 0.13 is not written to while its format is empty", () => {
    addDevice();
    attribute(`${VIDEO10}/state`, undefined);
    attribute(`${VIDEO10}/format`, "\n");
    expect(video10()?.writing).toBe(false);
  });

  test("has a format as it says it, and none if it doesn't", () => {
    addDevice();
    expect(video10()?.format).toBe("YUYV:640x480@30");
    attribute(`${VIDEO10}/format`, "\n");
    expect(video10()?.format).toBe("");
  });

  test("counts among the loopback devices if all of its attributes are there", () => {
    expect(loopbackNumbers(sys)).toEqual([]);
    addDevice();
    attribute("class/video4linux/video9/dev", "81:4\n");
    attribute("class/video4linux/v4l-subdev0/dev", "81:5\n");
    expect(loopbackNumbers(sys)).toEqual([10]);
  });
});

describe("the module in /sys", () => {
  test.each<[string | undefined, ReturnType<typeof moduleState>]>([
    ["live\n", "live"],
    ["coming\n", "coming"],
    ["going\n", "going"],
    [undefined, "live"],
    ["", "live"],
    ["frozen\n", "live"],
  ])("with the state %j is %s", (text, state) => {
    attribute("module/v4l2loopback/refcnt", "0\n");
    attribute("module/v4l2loopback/initstate", text);
    expect(moduleState(sys)).toBe(state);
  });

  test("is not there without its directory", () => expect(moduleState(sys)).toBeUndefined());

  test.each<[string | undefined, string | undefined]>([
    ["0.15.4\n", "0.15.4"],
    ["\n", undefined],
    [undefined, undefined],
  ])("with the version %j", (text, version) => {
    attribute("module/v4l2loopback/version", text);
    expect(readModuleVersion(sys)).toBe(version);
  });

  test.each<[string | undefined, readonly string[] | undefined]>([
    ["10,11,-1\n", ["10", "11", "-1"]],
    ["", [""]],
    [undefined, undefined],
  ])("with the parameter %j", (text, elements) => {
    attribute("module/v4l2loopback/parameters/video_nr", text);
    expect(readModuleParameter(sys, "video_nr")).toEqual(elements as string[]);
  });

  test.each<[string | undefined, object | undefined]>([
    ["10:124\n", { major: 10, minor: 124 }],
    ["", undefined],
    ["misc\n", undefined],
    [undefined, undefined],
  ])("with the control device's number %j", (text, number) => {
    attribute("class/misc/v4l2loopback/dev", text);
    expect(readControlDevice(sys)).toEqual(number as ReturnType<typeof readControlDevice>);
  });
});

describe("a number of a node", () => {
  const isTaken = (minor: number) => isNumberTaken(sys, videoClass, { major: 81, minor });

  test("is taken by whichever device of the class has it", () => {
    addDevice();
    attribute("class/video4linux/v4l-subdev0/dev", "81:5\n");
    expect([3, 5, 4].map(isTaken)).toEqual([true, true, false]);
  });

  test("is free where the class has no device", () => {
    mkdirSync(join(sys, "class/video4linux"), { recursive: true });
    expect(isTaken(3)).toBe(false);
  });

  test("is not known to be free in a directory that isn't /sys", () =>
    expect(isTaken(3)).toBeUndefined());

  test.each(["", "81\n", undefined])("is not known to be free if a device says %j", (text) => {
    addDevice();
    attribute("class/video4linux/video9/name", "USB Camera\n");
    attribute("class/video4linux/video9/dev", text);
    expect([3, 4].map(isTaken)).toEqual([true, undefined]);
  });
});
