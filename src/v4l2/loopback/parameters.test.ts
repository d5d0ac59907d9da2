import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseArray, parseParams } from "../../../test/support/kernel-params.ts";
import { checkLabel, labelProblem } from "./card-label.ts";
import { clampBuffers, moduleParameters } from "./parameters.ts";

const plain = { cardLabel: "MeetingBot_WebCam", exclusiveCaps: true, maxBuffers: 2 };

describe("module parameters", () => {
  test("every array has an element a device", () => {
    expect(moduleParameters([10, 11, 12], plain)).toBe(
      'devices=3 video_nr=10,11,12 exclusive_caps=1,1,1 card_label="MeetingBot_WebCam,MeetingBot_WebCam,MeetingBot_WebCam" max_buffers=2',
    );
  });

  test("an empty label leaves the module its own", () => {
    expect(moduleParameters([0], { ...plain, cardLabel: "", exclusiveCaps: false })).toBe(
      "devices=1 video_nr=0 exclusive_caps=0 max_buffers=2",
    );
  });

  test("no more than eight devices are asked for, since a ninth makes the load fail", () => {
    const params = moduleParameters([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], plain);
    expect(params).toStartWith("devices=8 video_nr=0,1,2,3,4,5,6,7 ");
  });

  test("the number of buffers is what the module can hold", () => {
    expect([-1, 0, 1, 2.9, 32, 33, 1e9].map(clampBuffers)).toEqual([1, 1, 1, 2, 32, 32, 32]);
  });

  test("what the kernel reads is what was meant, whatever the label", () => {
    const label = fc
      .string({ unit: "grapheme", maxLength: 31 })
      .filter((text) => labelProblem(text) === undefined);
    const numbers = fc.uniqueArray(fc.nat(255), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(label, numbers, fc.boolean(), (cardLabel, list, exclusiveCaps) => {
        const text = moduleParameters(list, { cardLabel, exclusiveCaps, maxBuffers: 4 });
        const read = new Map(parseParams(text));
        const array = (name: string) => parseArray(read.get(name) ?? "", 8);
        expect([...read.keys()].filter((name) => name !== "card_label")).toEqual([
          "devices",
          "video_nr",
          "exclusive_caps",
          "max_buffers",
        ]);
        expect(read.get("devices")).toBe(String(list.length));
        expect(array("video_nr")).toEqual(list.map(String));
        expect(array("exclusive_caps")).toEqual(list.map(() => (exclusiveCaps ? "1" : "0")));
        expect(array("card_label")).toEqual(cardLabel === "" ? [""] : list.map(() => cardLabel));
      }),
    );
  });
});

describe("card label", () => {
  test.each([
    ["a, b", "commas"],
    ['say "x"', "quotes"],
    ["line\nbreak", "control"],
    ["nul\0", "control"],
    [" padded", "white space"],
    ["ä".repeat(16), "32 bytes"],
  ])("%j is refused", (label, why) => {
    expect(labelProblem(label)).toContain(why);
    expect(() => checkLabel(label)).toThrow(JSON.stringify(label));
  });

  test.each(["", "MeetingBot_WebCam", "a b=c 'd'", "ä".repeat(15), "x".repeat(31), "à"])(
    "%j is fine",
    (label) => expect(labelProblem(label)).toBeUndefined(),
  );
});

describe("the model of the kernel's parser", () => {
  // What the real kernel made of these was seen in sysfs and QUERYCAP.
  test("quotes inside an array belong to the labels", () => {
    const [, value] = parseParams('card_label="one two","b c"')[0] ?? [];
    expect(parseArray(value ?? "", 8)).toEqual(['one two"', '"b c']);
  });

  test("quotes around the whole value or the whole parameter do not", () => {
    for (const text of ['card_label="one two,b c,plain"', '"card_label=one two,b c,plain"']) {
      const [, value] = parseParams(text)[0] ?? [];
      expect(parseArray(value ?? "", 8)).toEqual(["one two", "b c", "plain"]);
    }
  });

  test("white space outside quotes ends a parameter", () => {
    expect(parseParams("a=1  b\tc=x\\ y")).toEqual([
      ["a", "1"],
      ["b", null],
      ["c", "x\\"],
      ["y", null],
    ]);
  });

  test("a ninth element is too many", () => {
    expect(parseArray("1,2,3,4,5,6,7,8,9", 8)).toBeUndefined();
  });
});
