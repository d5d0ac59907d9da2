import { cellHeight, cellWidth, drawText } from "./font.ts";
import { blankPicture, type Colour, fillRectangle, type Picture } from "./picture.ts";

/** The bars of a test card from the left, at 75 % (SMPTE EG 1): 191 of 255. */
export const barColours: readonly Colour[] = [
  [191, 191, 191],
  [191, 191, 0],
  [0, 191, 191],
  [0, 191, 0],
  [191, 0, 191],
  [191, 0, 0],
  [0, 0, 191],
  [0, 0, 0],
];

const captionColour: Colour = [255, 255, 255];
const groundColour: Colour = [0, 0, 0];

/** Share of the width that the caption fills in a large enough picture. */
const captionShare = 0.6;

/**
 * Pixels that the bars move to the right from one frame to the next: through the picture in about ten seconds at 30
 * frames a second. Even, since in some formats two columns share a colour.
 */
export function barsStep(width: number): number {
  return 2 * Math.max(1, Math.round(width / 600));
}

/** Index in {@link barColours} of the bar in column `x` of a frame. */
export function barAt(x: number, width: number, frame: number): number {
  const moved = (x - frame * barsStep(width)) % width;
  return Math.floor((((moved + width) % width) * barColours.length) / width);
}

/**
 * Draws frame number `frame` of moving colour bars, with lines of text on a dark ground in the middle. The text is
 * scaled to the picture's width, and cut off if the smallest scale doesn't fit.
 */
export function drawColourBars(
  width: number,
  height: number,
  frame: number,
  caption: readonly string[],
): Picture {
  const picture = blankPicture(width, height);
  for (let x = 0; x < width; x++) {
    picture.data.set(barColours[barAt(x, width, frame)] ?? groundColour, x * 3);
  }
  const row = width * 3;
  // All rows are the same: each copy doubles the part that is done.
  for (let done = row; done < picture.data.length; done *= 2) {
    picture.data.copyWithin(done, 0, Math.min(done, picture.data.length - done));
  }
  drawCaption(picture, caption);
  return picture;
}

function drawCaption(picture: Picture, lines: readonly string[]): void {
  if (lines.length === 0) return;
  const { width, height } = picture;
  const columns = Math.max(1, ...lines.map((line) => line.length));
  const scale = Math.max(
    1,
    Math.floor(
      Math.min(
        (width * captionShare) / (columns * cellWidth),
        (height * captionShare) / (lines.length * cellHeight),
      ),
    ),
  );
  const textWidth = columns * cellWidth * scale;
  const textHeight = lines.length * cellHeight * scale;
  const left = Math.max(scale, Math.floor((width - textWidth) / 2));
  const top = Math.max(scale, Math.floor((height - textHeight) / 2));
  const margin = 3 * scale;
  // Even edges, so that no pixel of the ground shares its colour with one of a bar.
  fillRectangle(
    picture,
    even(left - margin),
    even(top - margin),
    even(textWidth + 2 * margin),
    even(textHeight + 2 * margin - scale),
    groundColour,
  );
  lines.forEach((line, index) => {
    drawText(picture, line, left, top + index * cellHeight * scale, scale, captionColour);
  });
}

function even(value: number): number {
  return value & ~1;
}
