import { choice } from "../../config/types/choice.ts";
import { integer } from "../../config/types/number.ts";
import { accept, reject, type ValueType } from "../../config/types/option-type.ts";
import { frameFormats } from "../../frames/encode.ts";
import type { FrameSize } from "../../v4l2/video-structs.ts";

/** What a camera usually is: 640x480 YUYV at 30 frames a second. */
export const frameDefaults = {
  size: { width: 640, height: 480 },
  rate: 30,
  format: "YUYV",
} as const;

/** max_width and max_height of v4l2loopback.c. */
const maxSide = 8192;
const minSide = 16;

const frameSize: ValueType<FrameSize> = {
  expected: `WIDTHxHEIGHT, both even, from ${minSide}x${minSide} to ${maxSide}x${maxSide}`,
  placeholder: "WxH",
  parse: (text) => {
    const [, width, height] = /^(\d{1,4})x(\d{1,4})$/.exec(text) ?? [];
    const size = { width: Number(width), height: Number(height) };
    const isSide = (side: number) => side % 2 === 0 && side >= minSide && side <= maxSide;
    return isSide(size.width) && isSide(size.height) ? accept(size) : reject();
  },
};

export const sizeFlag = { type: frameSize, description: "Pixels, both even (default 640x480)." };
export const formatFlag = {
  type: { ...choice(frameFormats), placeholder: "FORMAT" },
  description: `${frameFormats.join(", ")} (default ${frameDefaults.format}).`,
};
export const rateFlag = {
  type: {
    ...integer(1, 240),
    expected: "a whole number of frames a second from 1 to 240",
  },
  description: `Frames a second, from 1 to 240 (default ${frameDefaults.rate}).`,
};
export const framesFlag = { type: integer(1, 1e9), description: "Stops after this many frames." };
