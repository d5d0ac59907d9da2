import { blankPicture, type Picture } from "./picture.ts";

/** Scales a picture into another size as large as it fits, in the middle, with black where it doesn't reach. */
export function letterbox(picture: Picture, width: number, height: number): Picture {
  const scale = Math.min(width / picture.width, height / picture.height);
  const shownWidth = Math.max(1, Math.round(picture.width * scale));
  const shownHeight = Math.max(1, Math.round(picture.height * scale));
  const left = (width - shownWidth) >> 1;
  const top = (height - shownHeight) >> 1;
  const result = blankPicture(width, height);
  const columns = Array.from({ length: shownWidth }, (_, x) => span(x, shownWidth, picture.width));
  for (let y = 0; y < shownHeight; y++) {
    const rows = span(y, shownHeight, picture.height);
    let at = ((top + y) * width + left) * 3;
    for (const column of columns) {
      for (let channel = 0; channel < 3; channel++) {
        result.data[at++] = mean(picture, column, rows, channel);
      }
    }
  }
  return result;
}

/** The pixels, from the first to before the last, that become pixel `index` of `shown`: at least one. */
interface Span {
  readonly from: number;
  readonly to: number;
}

function span(index: number, shown: number, all: number): Span {
  const from = Math.min(all - 1, Math.floor((index * all) / shown));
  return { from, to: Math.max(from + 1, Math.floor(((index + 1) * all) / shown)) };
}

/** Mean of a channel's value over an area: each pixel counts, so that nothing thin vanishes. */
function mean({ width, data }: Picture, columns: Span, rows: Span, channel: number): number {
  let sum = 0;
  for (let y = rows.from; y < rows.to; y++) {
    for (let x = columns.from; x < columns.to; x++) sum += data[(y * width + x) * 3 + channel] ?? 0;
  }
  return Math.round(sum / ((rows.to - rows.from) * (columns.to - columns.from)));
}
