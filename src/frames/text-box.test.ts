import { expect, test } from "bun:test";
import fc from "fast-check";
import { cellHeight, cellWidth, drawText } from "./font.ts";
import { blankPicture, type Picture } from "./picture.ts";
import { drawTextBox } from "./text-box.ts";

const inked = ({ data }: Picture) => data.filter((value) => value !== 0).length / 3;

/** Pixels that text has at scale 1. */
function inkOf(text: string): number {
  const picture = blankPicture(text.length * cellWidth, cellHeight);
  drawText(picture, text, 0, 0, 1, [255, 255, 255]);
  return inked(picture);
}

test("text is as large as it fits, and all of it is there", () => {
  const text = "The feed gets 640x480 YUYV, this camera is 1280x720 YU12";
  for (const [width, height, scale] of [
    [300, 160, 2],
    [1200, 700, 9],
    [170, 100, 1],
  ] as const) {
    const box = drawTextBox(["video10", text], width, height);
    expect(box.width).toBeLessThanOrEqual(width);
    expect(box.height).toBeLessThanOrEqual(height);
    expect(inked(box)).toBe(inkOf(`video10${text}`) * scale * scale);
  }
});

test("a word that is wider than the box is broken", () => {
  const word = "x".repeat(100);
  expect(inked(drawTextBox([word], 130, 200))).toBe(inkOf(word));
});

test("any text has a box of even size that fits", () => {
  const size = fc.integer({ min: 4, max: 400 });
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" })), size, size, (lines, width, height) => {
      const box = drawTextBox(lines, width, height);
      expect((box.width % 2) + (box.height % 2)).toBe(0);
      expect(box.width <= width && box.height <= height).toBe(true);
    }),
  );
});
