import { type DecodedPng, decode, encode, hasPngSignature } from "fast-png";
import { messageOf } from "../common/plugin-error.ts";
import { blankPicture, type Picture } from "./picture.ts";

/** A picture as a PNG file (RFC 2083): 8-bit RGB. */
export function encodePng({ width, height, data }: Picture): Uint8Array {
  return encode({ width, height, data, depth: 8, channels: 3 });
}

/** Largest width and height of a file that {@link decodePng} takes. */
export const maxPngSide = 8192;

/**
 * Largest picture that {@link decodePng} takes, bytes of its samples: 3840x2160 with 8 bits and transparency has 33 MB.
 * It needs twice that for a moment.
 */
export const maxPngBytes = 34_000_000;

/**
 * Decodes a PNG file of any kind. Transparent pixels are blended with black.
 * @throws Error with the reason as a clause: `it is no PNG file`.
 */
export function decodePng(file: Uint8Array): Picture {
  refuseHeader(file);
  let png: DecodedPng;
  try {
    png = decode(file, { checkCrc: true });
  } catch (cause) {
    throw new Error(`it is a damaged PNG file: ${messageOf(cause)}`, { cause });
  }
  return blend(png);
}

/** The signature, and the header, which is the first chunk (https://www.w3.org/TR/png-3/#11IHDR). */
function refuseHeader(file: Uint8Array): void {
  if (file.length < 33 || !hasPngSignature(file)) throw new Error("it is no PNG file");
  const view = new DataView(file.buffer, file.byteOffset);
  if (Buffer.from(file.subarray(12, 16)).toString("latin1") !== "IHDR") {
    throw new Error("it is a damaged PNG file: the header is missing");
  }
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (width === 0 || height === 0 || width > maxPngSide || height > maxPngSide) {
    throw new Error(`it has ${width}x${height} pixels, and each side must be 1..${maxPngSide}`);
  }
  const samples = { 2: 3, 4: 2, 6: 4 }[view.getUint8(25)] ?? 1;
  const bytes = height * Math.ceil((width * samples * view.getUint8(24)) / 8);
  if (bytes > maxPngBytes) {
    const megabytes = (value: number) => `${Math.round(value / 1e6)} MB`;
    throw new Error(
      `its ${width}x${height} pixels have ${megabytes(bytes)}, and the limit is ${megabytes(maxPngBytes)}`,
    );
  }
}

function blend(png: DecodedPng): Picture {
  const { width, height, channels, palette } = png;
  const picture = blankPicture(width, height);
  const sampleAt = sampler(png);
  // A picture of true colour may have a palette as well, which suggests colours to a display.
  const put =
    channels === 1 && palette !== undefined
      ? indexedWriter(picture, sampleAt, palette)
      : directWriter(picture, sampleAt, png);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) put(at, x, y);
  }
  return picture;
}

type SampleAt = (x: number, y: number, channel: number) => number;
type WritePixel = (at: number, x: number, y: number) => void;

/** Pixels are numbers of colours, which have an opacity as the fourth value if any of them is transparent. */
function indexedWriter({ data }: Picture, sampleAt: SampleAt, palette: number[][]): WritePixel {
  return (at, x, y) => {
    const colour = palette[sampleAt(x, y, 0)];
    if (colour === undefined) throw new Error("it is a damaged PNG file: a colour is missing");
    const opacity = (colour[3] ?? 255) / 255;
    for (let channel = 0; channel < 3; channel++) {
      data[at + channel] = Math.round((colour[channel] ?? 0) * opacity);
    }
  };
}

/** Pixels are grey or red, green and blue; the last channel may be an opacity, or one colour is transparent. */
function directWriter({ data }: Picture, sampleAt: SampleAt, png: DecodedPng): WritePixel {
  const { channels, depth, transparency } = png;
  const full = 2 ** depth - 1;
  const colours = channels >= 3 ? 3 : 1;
  return (at, x, y) => {
    let isTransparent = transparency !== undefined;
    for (let channel = 0; channel < colours; channel++) {
      isTransparent &&= sampleAt(x, y, channel) === transparency?.[channel];
    }
    const opacity = channels === colours ? 1 : sampleAt(x, y, colours) / full;
    const scale = isTransparent ? 0 : (255 * opacity) / full;
    for (let channel = 0; channel < 3; channel++) {
      const sample = sampleAt(x, y, colours === 3 ? channel : 0);
      data[at + channel] = Math.round(sample * scale);
    }
  };
}

/** Reads a sample. With fewer than 8 bits, there is one a pixel, from the highest bit on, and a row ends with its byte. */
function sampler({ width, channels, depth, data }: DecodedPng): SampleAt {
  if (depth >= 8) {
    return (x: number, y: number, channel: number) =>
      data[(y * width + x) * channels + channel] ?? 0;
  }
  const rowBytes = Math.ceil((width * depth) / 8);
  return (x: number, y: number) => {
    const bit = x * depth;
    const byte = data[y * rowBytes + (bit >> 3)] ?? 0;
    return (byte >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
  };
}
