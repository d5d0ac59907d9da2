import { describe, expect, test } from "bun:test";
import { crc32, deflateSync } from "node:zlib";
import { decode, encode } from "fast-png";
import { drawColourBars } from "./colour-bars.ts";
import { colourAt } from "./picture.ts";
import { decodePng, encodePng } from "./png.ts";

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const edges = Buffer.alloc(8);
  edges.writeUInt32BE(data.length, 0);
  edges.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([edges.subarray(0, 4), body, edges.subarray(4)]);
}

/** A file of one's own making: colour types and depths as in https://www.w3.org/TR/png-3/#11IHDR. */
function pngFile(
  [width, height]: readonly [number, number],
  [depth, colourType]: readonly [number, number],
  rows: readonly (readonly number[])[],
  chunks: readonly Uint8Array[] = [],
): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colourType], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]),
    chunk("IHDR", header),
    ...chunks,
    chunk("IDAT", deflateSync(Buffer.from(rows.flatMap((row) => [0, ...row])))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

const palette = chunk("PLTE", Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9));

/** The colours of a picture, row by row. */
function colours(file: Uint8Array) {
  const picture = decodePng(file);
  return Array.from({ length: picture.width * picture.height }, (_, index) =>
    colourAt(picture, index % picture.width, Math.floor(index / picture.width)),
  );
}

test("a PNG file holds the picture, and gives it back", () => {
  const picture = drawColourBars(64, 48, 3, ["x"]);
  const file = encodePng(picture);
  const png = decode(file);
  expect(png).toMatchObject({ width: 64, height: 48, channels: 3, depth: 8 });
  expect([...png.data]).toEqual([...picture.data]);
  expect(decodePng(file)).toEqual(picture);
});

describe("a PNG file", () => {
  test("of grey with 1, 2, 4, 8 and 16 bits", () => {
    const row = (depth: number, bytes: number[], width = 3) =>
      pngFile([width, 1], [depth, 0], [bytes]);
    expect(colours(row(1, [0b10100000])).map(([grey]) => grey)).toEqual([255, 0, 255]);
    expect(colours(row(2, [0b11100100])).map(([grey]) => grey)).toEqual([255, 170, 85]);
    expect(colours(row(4, [0xf8, 0x10])).map(([grey]) => grey)).toEqual([255, 136, 17]);
    expect(colours(row(8, [1, 2, 200]))).toEqual([1, 2, 200].map((grey) => [grey, grey, grey]));
    expect(colours(row(16, [255, 255, 128, 0, 1, 0])).map(([grey]) => grey)).toEqual([255, 128, 1]);
  });

  test("of rows that end within a byte", () => {
    const file = pngFile([3, 2], [1, 0], [[0b01000000], [0b10100000]]);
    expect(colours(file).map(([grey]) => grey)).toEqual([0, 255, 0, 255, 0, 255]);
  });

  test("with a palette, also one with transparent colours", () => {
    expect(colours(pngFile([4, 1], [2, 3], [[0b00011011]], [palette]))).toEqual([
      ...[[255, 0, 0] as const, [0, 255, 0] as const, [0, 0, 255] as const, [9, 9, 9] as const],
    ]);
    const half = chunk("tRNS", Uint8Array.of(255, 51));
    expect(colours(pngFile([2, 1], [8, 3], [[0, 1]], [palette, half]))).toEqual([
      [255, 0, 0],
      [0, 51, 0],
    ]);
    expect(() => decodePng(pngFile([1, 1], [8, 3], [[4]], [palette]))).toThrow(/colour is missing/);
  });

  test("of true colour is blended with black where it is transparent", () => {
    const rgba = { width: 2, height: 1, channels: 4, depth: 8 } as const;
    const file = encode({ ...rgba, data: Uint8Array.of(200, 100, 50, 128, 9, 9, 9, 0) });
    expect(colours(file)).toEqual([
      [100, 50, 25],
      [0, 0, 0],
    ]);
    const deep = Uint16Array.of(65535, 0, 32768, 65535);
    const wide = encode({ width: 1, height: 1, channels: 4, depth: 16, data: deep });
    expect(colours(wide)).toEqual([[255, 0, 128]]);
    const grey = { width: 1, height: 1, channels: 2, depth: 8 } as const;
    expect(colours(encode({ ...grey, data: Uint8Array.of(200, 51) }))).toEqual([[40, 40, 40]]);
  });

  test("of true colour with one transparent colour, and with a palette that only suggests", () => {
    const key = chunk("tRNS", Uint8Array.of(0, 1, 0, 2, 0, 3));
    expect(colours(pngFile([3, 1], [8, 2], [[1, 2, 3, 9, 2, 3, 1, 2, 4]], [palette, key]))).toEqual(
      [
        [0, 0, 0],
        [9, 2, 3],
        [1, 2, 4],
      ],
    );
  });

  const png = encodePng(drawColourBars(8, 8, 0, []));
  const sized = (width: number, height: number, type = 2, depth = 8) =>
    pngFile([width, height], [depth, type], []);
  test.each([
    ["nothing", new Uint8Array(0), /no PNG file/],
    ["text", Buffer.from("<svg>".repeat(20)), /no PNG file/],
    ["a signature alone", png.slice(0, 8), /no PNG file/],
    ["another first chunk", Buffer.concat([png.slice(0, 12), palette, png]), /header is missing/],
    ["a file that was cut", png.slice(0, png.length - 20), /damaged/],
    ["a changed byte", png.map((byte, at) => (at === 50 ? byte ^ 1 : byte)), /damaged/],
    ["no pixels", sized(0, 8), /0x8 pixels, and each side must be 1..8192/],
    ["a side of 8193", sized(8193, 1), /8193x1 pixels/],
    ["more pixels than memory", sized(8192, 8192, 6, 16), /8192x8192 pixels have 537 MB.* 34 MB/],
    ["less data than pixels", sized(4000, 2000), /damaged/],
  ])("is refused if it is %s", (_, file, reason) => {
    expect(() => decodePng(file)).toThrow(reason);
  });
});
