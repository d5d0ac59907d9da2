import { ChromeReader, type ChromeTrack } from "../kernel/chrome-reader.ts";

/** What shows cameras: a page in Chromium, or the reader that stands for it. One scenario is played with both. */
export interface Viewer {
  readonly name: string;
  /** `enumerateDevices()`. */
  list(): Promise<readonly Camera[]>;
  /** `getUserMedia()`. @throws Error that begins with the DOMException's name. */
  open(id: string): Promise<View>;
}

export interface Camera {
  /** For {@link Viewer.open}. */
  readonly id: string;
  readonly label: string;
}

/** A track, and what it shows. */
export interface View {
  look(): Promise<Look>;
  stop(): Promise<void>;
}

export interface Look {
  readonly state: "live" | "ended";
  /** Frames so far. */
  readonly frames: number;
  /** Red, green, blue of {@link ChromeTrack.pixel}, or nothing before the first frame. */
  readonly pixel?: readonly number[] | undefined;
  readonly size?: readonly number[] | undefined;
}

/** {@link ChromeReader} as a viewer. */
export function readerViewer(): Viewer {
  const reader = new ChromeReader();
  return {
    name: "the reader",
    list: async () => reader.list().map(({ path, label }) => ({ id: path, label })),
    open: async (id) => viewOf(reader.open(id)),
  };
}

function viewOf(track: ChromeTrack): View {
  const { width, height } = track.format;
  return {
    look: async () => {
      const { state, frames, pixel } = track;
      return { state, frames, pixel, size: frames === 0 ? undefined : [width, height] };
    },
    stop: async () => track[Symbol.dispose](),
  };
}
