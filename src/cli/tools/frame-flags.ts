import type { FlagSpec } from "../../config/argv.ts";
import { type Problem, quote } from "../../config/problem.ts";
import { FRAME_FORMATS, type FrameFormat } from "../../frames/encode.ts";

/** What a test pattern is like. */
export interface FrameOptions {
  /** Pixels, both even. */
  readonly width: number;
  readonly height: number;
  /** Frames a second. */
  readonly rate: number;
  readonly format: FrameFormat;
  /** How many; undefined: until stopped. */
  readonly frames: number | undefined;
}

export const sizeFlag: FlagSpec = {
  flag: "size",
  isSwitch: false,
  expected: "WIDTHxHEIGHT, both even, from 16x16 to 8192x8192",
};
export const rateFlag: FlagSpec = {
  flag: "rate",
  isSwitch: false,
  expected: "a whole number of frames a second from 1 to 240",
};
export const formatFlag: FlagSpec = {
  flag: "format",
  isSwitch: false,
  expected: `one of ${FRAME_FORMATS.join(", ")}`,
  choices: FRAME_FORMATS,
};
export const framesFlag: FlagSpec = {
  flag: "frames",
  isSwitch: false,
  expected: "a whole number from 1 to 1000000000",
};

/** What a camera usually is: 640x480 YUYV at 30 frames a second. */
const DEFAULTS = { size: "640x480", rate: "30", format: "YUYV" } as const;

/** max_width and max_height of v4l2loopback.c. */
const MAX_SIDE = 8192;
const MIN_SIDE = 16;

export type FrameOptionsResult =
  | { readonly ok: true; readonly options: FrameOptions }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** The options that these flags' texts give. */
export function parseFrameFlags(flags: ReadonlyMap<string, string>): FrameOptionsResult {
  const problems: Problem[] = [];
  const take = <T>(spec: FlagSpec, text: string, parse: (text: string) => T | undefined) => {
    const value = parse(text);
    if (value === undefined) {
      problems.push({
        subject: `--${spec.flag}`,
        text: `got ${quote(text)}, expected ${spec.expected}`,
      });
    }
    return value;
  };
  const size = take(sizeFlag, flags.get("size") ?? DEFAULTS.size, parseSize);
  const rate = take(rateFlag, flags.get("rate") ?? DEFAULTS.rate, wholeNumber(240));
  const format = take(formatFlag, flags.get("format") ?? DEFAULTS.format, parseFormat);
  const given = flags.get("frames");
  const frames = given === undefined ? undefined : take(framesFlag, given, wholeNumber(1e9));
  if (size === undefined || rate === undefined || format === undefined || problems.length > 0) {
    return { ok: false, problems };
  }
  return { ok: true, options: { ...size, rate, format, frames } };
}

function parseSize(text: string): { width: number; height: number } | undefined {
  const [, width, height] = /^(\d{1,4})x(\d{1,4})$/.exec(text) ?? [];
  const sides = [Number(width), Number(height)];
  if (!sides.every((side) => side % 2 === 0 && side >= MIN_SIDE && side <= MAX_SIDE)) {
    return undefined;
  }
  return { width: Number(width), height: Number(height) };
}

function parseFormat(text: string): FrameFormat | undefined {
  return FRAME_FORMATS.find((format) => format === text.toUpperCase());
}

function wholeNumber(max: number): (text: string) => number | undefined {
  return (text) =>
    /^\d{1,10}$/.test(text) && Number(text) >= 1 && Number(text) <= max ? Number(text) : undefined;
}
