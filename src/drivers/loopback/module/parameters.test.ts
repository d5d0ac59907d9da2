import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseArray, parseParams } from "../../../../test/support/kernel-params.ts";
import { cardLabelOf, checkLabel, cutLabel, labelProblem } from "../device/card-label.ts";
import { clampBuffers, moduleParameters } from "./parameters.ts";

const plain = { exclusiveCaps: true, maxBuffers: 2, maxWidth: 1920, maxHeight: 1080 };
const devices = (numbers: readonly number[], label = "MeetingBot_WebCam") =>
  numbers.map((number) => ({ number, label }));

describe("module parameters", () => {
  test("every array has an element a device", () => {
    expect(moduleParameters(devices([10, 11, 12]), plain)).toBe(
      'devices=3 video_nr=10,11,12 exclusive_caps=1,1,1 card_label="MeetingBot_WebCam,MeetingBot_WebCam,MeetingBot_WebCam" max_buffers=2 max_width=1920 max_height=1080',
    );
  });

  test("an empty label leaves the module its own", () => {
    expect(moduleParameters(devices([0], ""), { ...plain, exclusiveCaps: false })).toBe(
      "devices=1 video_nr=0 exclusive_caps=0 max_buffers=2 max_width=1920 max_height=1080",
    );
  });

  test("without devices only what holds for all is said", () => {
    expect(moduleParameters([], plain)).toBe(
      "devices=0 max_buffers=2 max_width=1920 max_height=1080",
    );
  });

  test("no more than eight devices are asked for, since a ninth makes the load fail", () => {
    const params = moduleParameters(devices([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), plain);
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
        const text = moduleParameters(devices(list, cardLabel), { ...plain, exclusiveCaps });
        const read = new Map(parseParams(text));
        const array = (name: string) => parseArray(read.get(name) ?? "", 8);
        expect([...read.keys()].filter((name) => name !== "card_label")).toEqual([
          "devices",
          "video_nr",
          "exclusive_caps",
          "max_buffers",
          "max_width",
          "max_height",
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

describe("a card label's template", () => {
  const values = { id: "video10", n: 10, node: "node-7" };

  test("names the device and the node", () => {
    expect(cardLabelOf("{node}: {id} ({n}), {id}", values)).toBe("node-7: video10 (10), video10");
    expect(cardLabelOf("{what} {ID}", values)).toBe("{what} {ID}");
  });

  test("is cut to 31 bytes at a character's end", () => {
    expect(cutLabel("x".repeat(200))).toBe("x".repeat(31));
    expect(cutLabel("ä".repeat(16))).toBe("ä".repeat(15));
    expect(cutLabel(`${"x".repeat(28)}🎥`)).toBe("x".repeat(28));
    expect(cutLabel(`${"x".repeat(20)}👩‍💻`)).toBe(`${"x".repeat(20)}👩‍💻`);
    expect(cutLabel(`${"x".repeat(21)}👩‍💻`)).toBe("x".repeat(21));
  });

  test("doesn't end in white space that only the cut brought to the end", () => {
    const label = cutLabel(`${"x".repeat(30)} WebCam`);
    expect(label).toBe("x".repeat(30));
    expect(labelProblem(label)).toBeUndefined();
    expect(cutLabel(`${"ä".repeat(14)}  🎥 WebCam`)).toBe("ä".repeat(14));
    expect(cutLabel("WebCam ")).toBe("WebCam ");
    expect(cutLabel(" ".repeat(40))).toBe(" ".repeat(31));
  });

  test("is cut within what a person takes for a character, if that alone is too long", () => {
    const family = "👨🏽‍👩🏽‍👧🏽‍👦🏽";
    expect([...new Intl.Segmenter().segment(family)]).toHaveLength(1);
    expect(cutLabel(family)).toBe("👨🏽‍👩🏽‍👧🏽");
    expect(cutLabel(`e${"\u0301".repeat(40)}`)).toBe(`e${"\u0301".repeat(15)}`);
  });

  test("ends at a NUL, as the kernel's text does", () => expect(cutLabel("a\0b")).toBe("a"));

  test("never gives more than fits, nor half a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const label = cutLabel(text.toWellFormed());
        expect(Buffer.byteLength(label)).toBeLessThanOrEqual(31);
        expect(text.toWellFormed().startsWith(label)).toBe(true);
        expect(label.isWellFormed()).toBe(true);
        expect(label === "").toBe(/^(?:\0|$)/.test(text));
      }),
    );
  });
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
