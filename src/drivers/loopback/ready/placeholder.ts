import { readFileSync, statSync } from "node:fs";
import { messageOf, PluginError } from "../../../common/plugin-error.ts";
import { drawColourBars } from "../../../frames/colour-bars.ts";
import { encodeFrame, encodeInto } from "../../../frames/encode.ts";
import { blankPicture, fillRectangle, type Picture } from "../../../frames/picture.ts";
import { decodePng } from "../../../frames/png.ts";
import { letterbox } from "../../../frames/scale.ts";
import { drawTextBox } from "../../../frames/text-box.ts";
import type { ReadySettings } from "./ready-settings.ts";

/** Whose placeholder, and what it says. */
export interface PlaceholderText {
  /** The device's ID. */
  readonly id: string;
  /** What the application does wrong, as a sentence; empty or missing if nothing. */
  readonly problem?: string;
}

/** Largest picture file, bytes. */
const maxFileBytes = 16_000_000;

/** Share of the picture that the text may cover, each way. */
const textShare = 0.9;

/** Frames without text: they are the same for all cameras, and a picture file is read once. */
const backgrounds = new WeakMap<ReadySettings, Uint8Array>();

/**
 * What a camera shows while no application writes: the encoded frame, in BT.601's limited range. A test card has the
 * device's ID on it, and a problem is written over any picture.
 *
 * @throws PluginError `placeholder_unusable` if the picture file can't be used.
 */
export function placeholderFrame(settings: ReadySettings, text: PlaceholderText): Uint8Array {
  const { width, height, pixelFormat: format, placeholder } = settings;
  const background = backgrounds.get(settings) ?? encodeFrame(drawBackground(settings), format);
  backgrounds.set(settings, background);
  const data = background.slice();
  const { id, problem = "" } = text;
  if (problem === "" && placeholder.kind !== "test_card") return data;
  const lines = [id, problem === "" ? "no application writes" : problem];
  const box = drawTextBox(lines, Math.floor(width * textShare), Math.floor(height * textShare));
  const left = middle(width, box.width);
  encodeInto({ format, width, height, data }, box, left, middle(height, box.height));
  return data;
}

function drawBackground({ width, height, placeholder }: ReadySettings): Picture {
  if (placeholder.kind === "test_card") return drawColourBars(width, height, 0, []);
  if (placeholder.kind === "file") return letterbox(readPicture(placeholder.path), width, height);
  const picture = blankPicture(width, height);
  fillRectangle(picture, 0, 0, width, height, placeholder.colour);
  return picture;
}

function readPicture(path: string): Picture {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new Error("it is not a regular file");
    if (stat.size > maxFileBytes) {
      throw new Error(`it has ${stat.size} bytes, and the limit is ${maxFileBytes}`);
    }
    return decodePng(readFileSync(path));
  } catch (cause) {
    throw new PluginError(
      "placeholder_unusable",
      `The placeholder ${path} can't be shown: ${messageOf(cause)}.`,
      {
        cause,
        remedy:
          "Set READY_PLACEHOLDER to a readable PNG file of at most 16 MB, to a colour such as #202020, or to test-card.",
      },
    );
  }
}

/** Where something begins that lies in the middle, on an even pixel. */
function middle(all: number, part: number): number {
  return ((all - part) >> 1) & ~1;
}
