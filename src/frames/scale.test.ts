import { expect, test } from "bun:test";
import fc from "fast-check";
import { blankPicture, type Colour, colourAt, fillRectangle } from "./picture.ts";
import { letterbox } from "./scale.ts";

const ink: Colour = [200, 100, 50];

function filled(width: number, height: number) {
  const picture = blankPicture(width, height);
  fillRectangle(picture, 0, 0, width, height, ink);
  return picture;
}

test("a wide picture has black above and below, a tall one at the sides", () => {
  const wide = letterbox(filled(200, 50), 100, 100);
  expect(colourAt(wide, 50, 36)).toEqual([0, 0, 0]);
  expect(colourAt(wide, 50, 37)).toEqual(ink);
  expect(colourAt(wide, 99, 61)).toEqual(ink);
  expect(colourAt(wide, 50, 63)).toEqual([0, 0, 0]);
  const tall = letterbox(filled(5, 10), 100, 100);
  expect([24, 25, 74, 75].map((x) => colourAt(tall, x, 0)[0])).toEqual([0, 200, 200, 0]);
});

test("of a fine pattern, the mean is left", () => {
  const picture = blankPicture(400, 400);
  for (let x = 0; x < 400; x += 2) fillRectangle(picture, x, 0, 1, 400, [255, 255, 255]);
  const { data } = letterbox(picture, 100, 100);
  expect(new Set(data)).toEqual(new Set([128]));
});

test("any size fits into any other", () => {
  const side = fc.integer({ min: 1, max: 60 });
  fc.assert(
    fc.property(side, side, side, side, (width, height, toWidth, toHeight) => {
      const scaled = letterbox(filled(width, height), toWidth, toHeight);
      expect(scaled.data.length).toBe(toWidth * toHeight * 3);
      expect(colourAt(scaled, (toWidth - 1) >> 1, (toHeight - 1) >> 1)).toEqual(ink);
    }),
  );
});
