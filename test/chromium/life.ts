import { deepEqual, equal } from "node:assert/strict";
import type { Colour } from "../../src/frames/picture.ts";
import { LABEL, type Stage } from "../kernel/driver/stage.ts";
import { eventually } from "../kernel/stories/eventually.ts";
import { ColourWriter } from "./colour-writer.ts";
import { cleared } from "./module-in-vm.ts";
import type { View, Viewer } from "./viewer.ts";

export const ID = "video10";

export const RED: Colour = [255, 0, 0];
export const GREEN: Colour = [0, 255, 0];
export const BLUE: Colour = [0, 0, 255];
const WHITE: Colour = [255, 255, 255];

/** What became of a track, by what its writer did. */
export type Life = Readonly<Record<string, "live" | "ended">>;

/**
 * The life of a plain device as a page sees it, the same steps for Chromium and for the reader that stands for it. The
 * writer is replaced at once, falls silent for 3 s, and the page lists its cameras meanwhile.
 */
export async function lifeOf(stage: Stage, viewer: Viewer): Promise<Life> {
  await cleared(stage);
  equal((await stage.driver({ maxDevices: 1, mode: 0o666 }).ensure()).failed.length, 0);
  deepEqual(await viewer.list(), [], "a device without a writer is no camera");
  const life: Record<string, "live" | "ended"> = {};

  const red = new ColourWriter(ID, RED);
  const view = await viewCamera(viewer);
  await shows(view, RED);
  red[Symbol.dispose]();
  const green = new ColourWriter(ID, GREEN);
  life["another writer at once"] = await endsOrShows(view, GREEN);

  green[Symbol.dispose]();
  await Bun.sleep(3000);
  const blue = new ColourWriter(ID, BLUE);
  life["another writer after 3 s"] = await endsOrShows(view, BLUE);
  await view.stop();

  const next = await viewCamera(viewer);
  await shows(next, BLUE);
  blue[Symbol.dispose]();
  deepEqual(await viewer.list(), [], "listed without a writer");
  using _white = new ColourWriter(ID, WHITE);
  life["listed between two writers"] = await endsOrShows(next, WHITE);
  await next.stop();
  return life;
}

/** Opens the only camera. */
export async function viewCamera(viewer: Viewer): Promise<View> {
  const camera = await eventually("a camera", async () => (await viewer.list())[0]);
  equal(camera.label, LABEL);
  return viewer.open(camera.id);
}

/** Resolves once the view has this colour in a frame. @throws Error if its track ends before. */
export async function shows(view: View, colour: Colour): Promise<void> {
  equal(await endsOrShows(view, colour), "live");
}

async function endsOrShows(view: View, colour: Colour): Promise<"live" | "ended"> {
  return eventually(`a frame of ${colour}`, async () => {
    const { state, pixel } = await view.look();
    if (state === "ended") return state;
    if (isNear(pixel, colour)) return state;
    throw new Error(`it shows ${pixel}`);
  });
}

/** YUV of a limited range has fewer colours than RGB: off by one or two. */
export function isNear(pixel: readonly number[] | undefined, colour: Colour): boolean {
  return pixel?.every((value, index) => Math.abs(value - (colour[index] ?? 0)) <= 4) ?? false;
}
