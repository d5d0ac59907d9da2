import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { barAt, barColours, barsStep, drawColourBars } from "./colour-bars.ts";
import { decodableFormats, decodeFrame } from "./decode.ts";
import { encodeFrame, encodeInto, frameBytes, frameFormats } from "./encode.ts";
import { cellWidth, drawText } from "./font.ts";
import { blankPicture, type Colour, colourAt, fillRectangle, type Picture } from "./picture.ts";

const even = (max: number) => fc.integer({ min: 1, max: max / 2 }).map((half) => half * 2);
const byte = fc.integer({ min: 0, max: 255 });
const colour = fc.tuple(byte, byte, byte);

/** Largest error of a channel by the eight-bit integers of BT.601, and some. */
const TOLERANCE = 6;

function filled(width: number, height: number, ink: Colour): Picture {
  const picture = blankPicture(width, height);
  fillRectangle(picture, 0, 0, width, height, ink);
  return picture;
}

function inked({ data }: Picture): number {
  return data.filter((value) => value !== 0).length / 3;
}

describe("colour bars", () => {
  test("are where barAt() says, in every row", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 200 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 100_000 }),
        (width, height, frame) => {
          const picture = drawColourBars(width, height, frame, []);
          for (let x = 0; x < width; x++) {
            const expected = barColours[barAt(x, width, frame)];
            if (expected === undefined) throw new Error(`no bar at ${x}`);
            expect(colourAt(picture, x, 0)).toEqual(expected);
            expect(colourAt(picture, x, height - 1)).toEqual(expected);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  test("stand in order in the first frame, and move right by an even step", () => {
    expect(barColours.map((_, index) => barAt(index * 80, 640, 0))).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7,
    ]);
    expect(barsStep(640)).toBe(2);
    expect(barAt(80 + 2, 640, 1)).toBe(1);
    expect(barAt(80 + 1, 640, 1)).toBe(0);
    expect(barAt(0, 640, 1)).toBe(7);
  });

  test("have their caption on a dark ground in the middle", () => {
    const picture = drawColourBars(640, 480, 0, ["AAAA"]);
    const middle = Array.from({ length: 640 }, (_, x) => colourAt(picture, x, 240));
    expect(middle.filter(([red]) => red === 255).length).toBeGreaterThan(100);
    expect(middle.filter(([red]) => red === 0).length).toBeGreaterThan(100);
    expect(colourAt(picture, 0, 240)).toEqual([191, 191, 191]);
  });

  test("take any text and any size", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 80 }),
        fc.array(fc.string({ unit: "grapheme" })),
        (width, height, caption) => {
          const { data } = drawColourBars(width, height, 1, caption);
          expect(data.length).toBe(width * height * 3);
        },
      ),
    );
  });
});

describe("text", () => {
  test("looks as the font says", () => {
    const picture = blankPicture(2 * cellWidth, 8);
    drawText(picture, "L1", 0, 0, 1, [255, 255, 255]);
    const rows = Array.from({ length: 8 }, (_, y) =>
      Array.from({ length: 2 * cellWidth }, (_, x) =>
        colourAt(picture, x, y)[0] === 0 ? "." : "#",
      ).join(""),
    );
    expect(rows).toEqual([
      "#.......#...",
      "#......##...",
      "#.......#...",
      "#.......#...",
      "#.......#...",
      "#.......#...",
      "#####..###..",
      "............",
    ]);
  });

  test("has a glyph of its own for every printable character", () => {
    const glyphs = Array.from({ length: 95 }, (_, index) => {
      const picture = blankPicture(cellWidth, 8);
      drawText(picture, String.fromCharCode(0x20 + index), 0, 0, 1, [1, 1, 1]);
      return picture.data.join("");
    });
    expect(new Set(glyphs).size).toBe(95);
  });

  test("shows what it has no glyph for as a question mark", () => {
    const draw = (text: string) => {
      const picture = blankPicture(cellWidth, 8);
      drawText(picture, text, 0, 0, 1, [255, 255, 255]);
      return picture.data;
    };
    for (const odd of ["ä", "\u0007", "\u007f", "📷"]) expect(draw(odd)).toEqual(draw("?"));
  });

  test("scales by whole pixels", () => {
    const [small, large] = [blankPicture(60, 80), blankPicture(60, 80)];
    drawText(small, "8", 0, 0, 1, [255, 255, 255]);
    drawText(large, "8", 0, 0, 3, [255, 255, 255]);
    expect(inked(large)).toBe(inked(small) * 9);
  });
});

describe("frames", () => {
  test.each([...frameFormats])("of %s have their size, and decode to what they were", (format) => {
    fc.assert(
      fc.property(even(40), even(40), colour, (width, height, ink) => {
        const frame = encodeFrame(filled(width, height, ink), format);
        expect(frame.length).toBe(frameBytes(format, width, height));
        const fourcc = format === "RGB24" ? "RGB3" : format;
        const layout = { width, height, fourcc, bytesPerLine: 0 };
        const shown = colourAt(decodeFrame(frame, layout), width - 1, height - 1);
        shown.forEach((value, channel) => {
          expect(Math.abs(value - (ink[channel] ?? 0))).toBeLessThanOrEqual(TOLERANCE);
        });
      }),
    );
  });

  test.each(["YUYV", "YU12", "NV12"] as const)("of %s keep the bars' places", (format) => {
    const bars = drawColourBars(640, 480, 7, ["video10"]);
    const layout = { width: 640, height: 480, fourcc: format, bytesPerLine: 0 };
    const shown = decodeFrame(encodeFrame(bars, format), layout);
    for (let x = 0; x < 640; x += 2) {
      colourAt(shown, x, 10).forEach((value, channel) => {
        const expected = colourAt(bars, x, 10)[channel] ?? 0;
        expect(Math.abs(value - expected)).toBeLessThanOrEqual(TOLERANCE);
      });
    }
  });

  test.each(["YUYV", "YU12", "NV12"] as const)("of %s take a picture as a part", (format) => {
    fc.assert(
      fc.property(fc.nat(10), fc.nat(10), colour, colour, (column, row, ground, ink) => {
        const [left, top] = [2 * column, 2 * row];
        const all = filled(30, 24, ground);
        const data = encodeFrame(all, format);
        encodeInto({ format, width: 30, height: 24, data }, filled(8, 4, ink), left, top);
        fillRectangle(all, left, top, 8, 4, ink);
        expect(data).toEqual(encodeFrame(all, format));
      }),
    );
  });

  // red, green, blue of a 2x2 picture, as linux/videodev2.h orders the bytes
  test.each([
    ["BGR4", [30, 20, 10, 0]],
    ["XR24", [30, 20, 10, 0]],
    ["AR24", [30, 20, 10, 255]],
    ["RGB4", [0, 10, 20, 30]],
    ["RGB3", [10, 20, 30]],
    ["BGR3", [30, 20, 10]],
  ])("of %s have red, green and blue where they belong", (fourcc, pixel) => {
    const frame = Uint8Array.from([pixel, pixel, pixel, pixel].flat());
    const shown = decodeFrame(frame, { width: 2, height: 2, fourcc, bytesPerLine: 0 });
    expect([...shown.data]).toEqual(Array(4).fill([10, 20, 30]).flat());
  });

  // Y 81, U 90, V 240 is BT.601's full red
  test.each([
    ["YUYV", [81, 90, 81, 240, 81, 90, 81, 240]],
    ["YVYU", [81, 240, 81, 90, 81, 240, 81, 90]],
    ["UYVY", [90, 81, 240, 81, 90, 81, 240, 81]],
    ["YU12", [81, 81, 81, 81, 90, 240]],
    ["YV12", [81, 81, 81, 81, 240, 90]],
    ["NV12", [81, 81, 81, 81, 90, 240]],
    ["NV21", [81, 81, 81, 81, 240, 90]],
  ])("of %s have luma and both differences where they belong", (fourcc, bytes) => {
    const layout = { width: 2, height: 2, fourcc, bytesPerLine: 0 };
    const shown = decodeFrame(Uint8Array.from(bytes), layout);
    expect([...shown.data]).toEqual(Array(4).fill([255, 0, 0]).flat());
  });

  test("in grey are grey", () => {
    const layout = { width: 2, height: 1, fourcc: "GREY", bytesPerLine: 0 };
    expect([...decodeFrame(Uint8Array.of(7, 200), layout).data]).toEqual([7, 7, 7, 200, 200, 200]);
  });

  test("with padded rows leave the padding out", () => {
    const layout = { width: 1, height: 2, fourcc: "GREY", bytesPerLine: 4 };
    expect([...decodeFrame(Uint8Array.of(1, 9, 9, 9, 2, 9, 9, 9), layout).data]).toEqual([
      1, 1, 1, 2, 2, 2,
    ]);
  });

  test("of an unknown format are refused with those that are known", () => {
    const layout = { width: 2, height: 2, fourcc: "MJPG", bytesPerLine: 0 };
    expect(() => decodeFrame(new Uint8Array(9), layout)).toThrow(
      /"MJPG" can't be shown, only YUYV, .*GREY/,
    );
  });

  test("that are cut short are refused, and whole ones never are", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...decodableFormats),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        (fourcc, width, height) => {
          const layout = { width, height, fourcc, bytesPerLine: 0 };
          expect(() => decodeFrame(new Uint8Array(0), layout)).toThrow(/A frame of 0 bytes came/);
          expect(decodeFrame(new Uint8Array(9 * 9 * 4 * 2), layout).data.length).toBe(
            width * height * 3,
          );
        },
      ),
    );
  });
});
