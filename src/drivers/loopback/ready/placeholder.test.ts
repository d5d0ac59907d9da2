import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf } from "../../../../test/support/code-of.ts";
import { decodeFrame } from "../../../frames/decode.ts";
import { frameBytes } from "../../../frames/encode.ts";
import { blankPicture, colourAt, fillRectangle } from "../../../frames/picture.ts";
import { encodePng } from "../../../frames/png.ts";
import { placeholderFrame } from "./placeholder.ts";
import type { Placeholder, ReadyPixelFormat, ReadySettings } from "./ready-settings.ts";

const directory = mkdtempSync(join(tmpdir(), "placeholder-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function settings(placeholder: Placeholder, pixelFormat: ReadyPixelFormat = "YU12"): ReadySettings {
  const pixels = { width: 320, height: 180, pixelFormat, rate: 30 };
  return { ...pixels, placeholder, idleMs: 1000, placeholderRate: 5 };
}

function decoded(frame: Uint8Array, fourcc = "YU12") {
  return decodeFrame(frame, { width: 320, height: 180, fourcc, bytesPerLine: 0 });
}

const card = { kind: "test_card" } as const;
const colour = { kind: "colour", colour: [0, 133, 0] } as const;
const problem = "The feed gets 640x480 YUYV, this camera is 320x180 YU12";

describe("the placeholder", () => {
  test.each(["YU12", "YUYV", "NV12"] as const)("in %s is bars with the device's name", (format) => {
    const frame = placeholderFrame(settings(card, format), { id: "video10" });
    expect(frame.length).toBe(frameBytes(format, 320, 180));
    const picture = decoded(frame, format);
    expect(colourAt(picture, 60, 4).map((value) => Math.round(value / 20))).toEqual([10, 10, 0]);
    const middle = Array.from({ length: 320 }, (_, x) => colourAt(picture, x, 80)[1]);
    expect(middle.some((green) => green > 240)).toBe(true);
    expect(frame).not.toEqual(placeholderFrame(settings(card, format), { id: "video11" }));
  });

  // Chromium decodes BT.601 in the limited range.
  test("of a colour is that colour by BT.601 in the limited range, without text", () => {
    const frame = placeholderFrame(settings(colour), { id: "video10", problem: "" });
    expect(new Set(frame.subarray(0, 320 * 180))).toEqual(new Set([83]));
    expect(colourAt(decoded(frame), 160, 90).map((value) => Math.round(value / 10))).toEqual([
      0, 13, 0,
    ]);
  });

  test("has a problem on it, and is as before without one", () => {
    for (const placeholder of [card, colour]) {
      const all = settings(placeholder);
      const before = placeholderFrame(all, { id: "video10" });
      const shown = placeholderFrame(all, { id: "video10", problem });
      const white = decoded(shown).data.filter((value) => value > 250).length;
      expect(white).toBeGreaterThan(2000);
      expect(placeholderFrame(all, { id: "video10" })).toEqual(before);
    }
  });

  test("of a file is read once", () => {
    const path = join(directory, "red.png");
    const picture = blankPicture(64, 64);
    fillRectangle(picture, 0, 0, 64, 64, [255, 0, 0]);
    writeFileSync(path, encodePng(picture));
    const all = settings({ kind: "file", path });
    const shown = decoded(placeholderFrame(all, { id: "video10" }));
    expect(colourAt(shown, 160, 90)).toEqual([255, 1, 0]);
    expect(colourAt(shown, 20, 90)).toEqual([0, 0, 0]);
    rmSync(path);
    expect(decoded(placeholderFrame(all, { id: "video11" }))).toEqual(shown);
  });

  test("of a file that can't be used is an error that names it", async () => {
    const write = (name: string, data: string | Uint8Array) => {
      writeFileSync(join(directory, name), data);
      return join(directory, name);
    };
    const huge = write("huge.png", "");
    truncateSync(huge, 100_000_000);
    for (const [path, reason] of [
      [join(directory, "missing.png"), /missing\.png can't be shown: ENOENT/],
      [directory, /it is not a regular file/],
      ["/dev/zero", /it is not a regular file/],
      [huge, /it has 100000000 bytes, and the limit is 16000000/],
      [write("text.png", "not a picture"), /text\.png can't be shown: it is no PNG file/],
    ] as const) {
      const show = () => placeholderFrame(settings({ kind: "file", path }), { id: "video10" });
      expect(show).toThrow(reason);
      expect(await codeOf((async () => show())())).toBe("placeholder_unusable");
    }
  });
});
