import type { FrameSize } from "../../v4l2/video-structs.ts";
import type { Placeholder } from "../config.ts";
import { accept, type OptionType, reject } from "./option-type.ts";
import { filePath } from "./path.ts";

/** A frame's size, written `1280x720`: both even, since formats with shared colours need pairs of pixels. */
export function frameSize(min: FrameSize, max: FrameSize): OptionType<FrameSize> {
  const show = ({ width, height }: FrameSize) => `${width}x${height}`;
  return {
    expected: `a width and a height in pixels, both even, from ${show(min)} to ${show(max)}, such as 1280x720`,
    placeholder: "WxH",
    schema: { type: "string", pattern: "^[1-9][0-9]*[02468]x[1-9][0-9]*[02468]$" },
    parse: (text) => {
      const [, width, height] = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(text)?.map(Number) ?? [];
      if (width === undefined || height === undefined) return reject();
      if (width % 2 === 1 || height % 2 === 1) return reject("the numbers are not both even");
      const fits =
        width >= min.width && height >= min.height && width <= max.width && height <= max.height;
      return fits ? accept({ width, height }) : reject();
    },
    show,
  };
}

const testCard = "test-card";

/** What a ready camera shows while no application writes. The file is read later, by the driver. */
export function placeholder(): OptionType<Placeholder> {
  const file = filePath();
  return {
    expected: `a colour such as #1d3557, ${testCard}, or the absolute path of a PNG file`,
    placeholder: "PICTURE",
    schema: { type: "string", pattern: `^${testCard}$|^#[0-9A-Fa-f]{6}$|^/.*[^/]$` },
    parse: (text, context) => {
      if (text === testCard) return accept({ kind: "test_card" });
      if (/^#[0-9a-f]{6}$/i.test(text)) {
        const value = Number.parseInt(text.slice(1), 16);
        return accept({ kind: "colour", colour: [value >> 16, (value >> 8) & 0xff, value & 0xff] });
      }
      const parsed = file.parse(text, context);
      return parsed.ok ? accept({ kind: "file", path: parsed.value }) : parsed;
    },
    show: (value) => {
      if (value.kind === "test_card") return testCard;
      if (value.kind === "file") return value.path;
      return `#${value.colour.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
    },
  };
}
