import { cellHeight, cellWidth, drawText } from "./font.ts";
import { blankPicture, type Colour, type Picture } from "./picture.ts";

const textColour: Colour = [255, 255, 255];

/** A line of text has at least so many characters, if the box is wide enough: else words are torn apart. */
const fewestColumns = 22;

/**
 * Draws text in white on black, as large as it fits into `width` × `height`. Paragraphs begin new lines, and are
 * wrapped between words. What doesn't fit at the smallest size is cut off. The box is as small as the text allows, and
 * its size is even.
 */
export function drawTextBox(paragraphs: readonly string[], width: number, height: number): Picture {
  for (let scale = Math.max(1, Math.floor(width / (fewestColumns * cellWidth))); ; scale--) {
    const margin = 3 * scale;
    const columns = Math.max(1, Math.floor((width - 2 * margin) / (cellWidth * scale)));
    const lines = paragraphs.flatMap((text) => wrapText(text, columns));
    const textHeight = lines.length * cellHeight * scale + 2 * margin;
    if (textHeight > height && scale > 1) continue;
    const longest = Math.max(0, ...lines.map((line) => line.length));
    const box = blankPicture(
      even(Math.min(width, longest * cellWidth * scale + 2 * margin)),
      even(Math.min(height, textHeight)),
    );
    lines.forEach((line, index) => {
      drawText(box, line, margin, margin + index * cellHeight * scale, scale, textColour);
    });
    return box;
  }
}

/** Breaks text between words into lines of at most `columns` characters, and longer words wherever a line is full. */
function wrapText(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (let word of text.split(" ").filter((part) => part !== "")) {
    if (line !== "" && line.length + 1 + word.length <= columns) {
      line += ` ${word}`;
      continue;
    }
    if (line !== "") lines.push(line);
    for (; word.length > columns; word = word.slice(columns)) lines.push(word.slice(0, columns));
    line = word;
  }
  return line === "" ? lines : [...lines, line];
}

function even(value: number): number {
  return value & ~1;
}
