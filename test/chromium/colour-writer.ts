import { encodeFrame, type FrameFormat } from "../../src/frames/encode.ts";
import { blankPicture, type Colour, fillRectangle } from "../../src/frames/picture.ts";
import { errnoNameOf } from "../../src/linux/errno-error.ts";
import { linuxCalls } from "../../src/linux/linux-calls.ts";
import { openVideoDevice, type VideoFile } from "../../src/v4l2/video-file.ts";
import { pixelFormats } from "../../src/v4l2/video-structs.ts";

/** Frames a second; a browser in an emulated machine shows some 10. */
const RATE = 15;

/** A program's place: writes frames of one colour by write() until it is disposed. */
export class ColourWriter implements Disposable {
  readonly #file: VideoFile;
  readonly #timer: ReturnType<typeof setInterval>;

  /** `size`: width and height in pixels. */
  constructor(
    id: string,
    colour: Colour,
    format: FrameFormat = "YU12",
    [width, height]: readonly [number, number] = [320, 240],
  ) {
    const picture = blankPicture(width, height);
    fillRectangle(picture, 0, 0, width, height, colour);
    const frame = encodeFrame(picture, format);
    this.#file = openVideoDevice(`/dev/${id}`, linuxCalls());
    this.#file.setFormat("output", { width, height, pixelFormat: pixelFormats[format] });
    this.#streamOn();
    const write = () => this.#file.write(frame);
    for (let count = 0; count < 3; count++) write();
    this.#timer = setInterval(write, 1000 / RATE);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#file.close();
  }

  /** From 0.14 on refused without buffers, and not needed. Before 0.13 a writer without it leaves dead caps. */
  #streamOn(): void {
    try {
      this.#file.streamOn("output");
    } catch (error) {
      if (errnoNameOf(error) !== "EINVAL") throw error;
    }
  }
}
