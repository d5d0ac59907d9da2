import type { Colour } from "../../../frames/picture.ts";

/** Settings of ready cameras: how each camera is from its creation on. */
export interface ReadySettings {
  /** Pixels, even: a feed takes frames of this size alone. */
  readonly width: number;
  readonly height: number;
  readonly pixelFormat: ReadyPixelFormat;
  /** Frames a second that the camera announces. */
  readonly rate: number;
  readonly placeholder: Placeholder;
  /** How long a feed is silent before the camera shows the placeholder, ms. */
  readonly idleMs: number;
  /** Placeholder frames a second: a reader's clock stands still without new frames. */
  readonly placeholderRate: number;
}

/** The formats that Chromium and Firefox read; names are V4L2's FourCCs. */
export type ReadyPixelFormat = "YU12" | "YUYV" | "NV12";

/** What a camera shows while no application writes: a test card with the device's name, a colour, or a PNG file. */
export type Placeholder =
  | { readonly kind: "test_card" }
  | { readonly kind: "colour"; readonly colour: Colour }
  | { readonly kind: "file"; readonly path: string };
