import { equal, ok } from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { barColours } from "../../src/frames/colour-bars.ts";
import type { Colour } from "../../src/frames/picture.ts";
import { linuxCalls } from "../../src/linux/linux-calls.ts";
import { feedNumber } from "../../src/v4l2/device-ids.ts";
import { openVideoDevice } from "../../src/v4l2/video-file.ts";
import { feed } from "../kernel/driver/camera-programs.ts";
import { LABEL } from "../kernel/driver/stage.ts";
import { eventually } from "../kernel/stories/eventually.ts";
import { GuestPlugin } from "../kernel/stories/guest-plugin.ts";
import type { ChromiumViewer } from "./chromium-viewer.ts";
import { ColourWriter } from "./colour-writer.ts";
import { BLUE, GREEN, RED, shows, viewCamera } from "./life.ts";
import type { View } from "./viewer.ts";

const SIZE = [640, 360] as const;
const FEED = `video${feedNumber(10)}`;

/** The page looks at the middle column, where the test card has its fifth bar. */
const PLACEHOLDER: Colour = barColours[4] ?? [0, 0, 0];

const FLAGS = [
  ...["--ready-cameras", "--max-devices=1", `--ready-size=${SIZE.join("x")}`, "--ready-rate=15"],
  ...[`--v4l2-card-label=${LABEL}`, "--health-check-interval=1"],
];

/** How long the application is silent, ms: Chromium ends the track of a plain device after 10 s at the latest. */
const SILENCE_MS = 14_000;

/** How long there is no plugin, ms. */
const WITHOUT_PLUGIN_MS = 6000;

/**
 * The life of a ready camera of the compiled plugin as a page sees it: one track goes through it all, and the page lists its
 * cameras at every step but while there is no plugin, which would end the track. No kubelet is needed: the plugin makes cameras without one.
 */
export async function outlivesAll(chromium: ChromiumViewer): Promise<string> {
  // Those of another version's plugin.
  for (const start of [1, 2]) rmSync(`/log/plugin-${start}`, { force: true });
  const plugin = new GuestPlugin();
  plugin.start(...FLAGS);
  try {
    const view = await viewCamera(chromium);
    const sees = async (colour: Colour) => {
      await shows(view, colour);
      equal((await chromium.list()).length, 1, "the camera isn't listed");
    };
    await sees(PLACEHOLDER);
    await savePicture(chromium, "placeholder");

    {
      await using _ffmpeg = await feed(FEED, ffmpegPicture);
      await sees(RED);
      await savePicture(chromium, "application");
    }
    await sees(PLACEHOLDER);
    {
      using _writer = new ColourWriter(FEED, GREEN, "YU12", SIZE);
      await sees(GREEN);
    }
    // An end by SIGKILL, then a long silence.
    const killed = await feed(FEED, ffmpegPicture);
    await sees(RED);
    await killed.kill();
    await sees(PLACEHOLDER);
    await Bun.sleep(SILENCE_MS);
    await sees(PLACEHOLDER);

    await tellsWrongSize(plugin);
    await sees(PLACEHOLDER);
    await savePicture(chromium, "wrong-size");

    await plugin.kill();
    const before = await framesOf(view);
    await Bun.sleep(WITHOUT_PLUGIN_MS);
    ok((await framesOf(view)) > before, "no frame without the plugin");
    plugin.start(...FLAGS);
    // A page that lists its cameras before would end the track.
    const isBack = () => plugin.log.saying("Devices set up").length > 0;
    await eventually("the next plugin's camera", isBack);
    {
      using _writer = new ColourWriter(FEED, BLUE, "YU12", SIZE);
      await sees(BLUE);
    }
    // From 0.13 on a camera has one reader at a time.
    await view.stop();
    const next = await viewCamera(chromium);
    await shows(next, PLACEHOLDER);
    await next.stop();
    return "one track lived through it";
  } finally {
    await plugin.stop();
  }
}

const ffmpegPicture = [
  ...["-f", "lavfi", "-i", `color=c=red:size=${SIZE.join("x")}:rate=15`],
  ...["-pix_fmt", "yuv420p"],
];

/** A program writes frames of another size until the plugin's log says so. */
async function tellsWrongSize(plugin: GuestPlugin): Promise<void> {
  using file = openVideoDevice(`/dev/${FEED}`, linuxCalls());
  // 320x240 in YUYV.
  const frame = new Uint8Array(320 * 240 * 2);
  await eventually("a line of the log", () => {
    file.write(frame);
    const [line] = plugin.log.saying("Frames of a wrong size dropped");
    return String(line?.["detail"]).includes("320x240");
  });
}

/** @throws Error if the track has ended. */
async function framesOf(view: View): Promise<number> {
  const { state, frames } = await view.look();
  equal(state, "live");
  return frames;
}

/** Keeps what the page shows: the files that a VM leaves are of text. */
async function savePicture(chromium: ChromiumViewer, name: string): Promise<void> {
  writeFileSync(`/log/${name}.png.base64`, await chromium.page.screenshot());
}
