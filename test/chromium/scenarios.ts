import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import { chmodSync, chownSync } from "node:fs";
import { barColours } from "../../src/frames/colour-bars.ts";
import { feed } from "../kernel/driver/camera-programs.ts";
import { LABEL, type Stage } from "../kernel/driver/stage.ts";
import { eventually } from "../kernel/stories/eventually.ts";
import { ChromiumViewer } from "./chromium-viewer.ts";
import { ColourWriter } from "./colour-writer.ts";
import { BLUE, GREEN, ID, isNear, lifeOf, RED, shows, viewCamera } from "./life.ts";
import { cleared } from "./module-in-vm.ts";
import { outlivesAll } from "./ready.ts";
import { readerViewer } from "./viewer.ts";

/** The group of the device nodes, which the user `member` of provision.sh is in and `app` is not. */
const VIDEO_GROUP = 44;

/** Something a browser has to see of v4l2loopback, on each version. */
export interface BrowserScenario {
  /** A sentence, the same on each version. */
  readonly name: string;
  /** Rejects if it isn't so. May answer with how it is on this version. */
  run(stage: Stage, chromium: ChromiumViewer): Promise<string | undefined>;
}

async function ready(stage: Stage, overrides: Parameters<Stage["driver"]>[0] = {}): Promise<void> {
  const driver = stage.driver({ maxDevices: 1, mode: 0o666, ...overrides });
  equal((await driver.ensure()).failed.length, 0);
}

/** Colours by ffmpeg, which has its own idea of YUV. */
async function showsFfmpeg(chromium: ChromiumViewer, format: string): Promise<void> {
  const source = ["-f", "lavfi", "-i", "color=c=red:size=320x240:rate=15", "-pix_fmt", format];
  await using _ffmpeg = await feed(ID, source);
  const view = await viewCamera(chromium);
  await shows(view, RED);
  deepEqual((await view.look()).size, [320, 240]);
  await view.stop();
}

async function showsTestPattern(chromium: ChromiumViewer, format: string): Promise<void> {
  const size = ["--size", "320x240", "--rate", "15", "--format", format];
  const command = ["video-device-plugin", "testpattern", ID, ...size];
  const program = Bun.spawn(command, { stdout: "ignore", stderr: "inherit" });
  try {
    const view = await viewCamera(chromium);
    const seen = new Set<string>();
    await eventually("two of the moving bars", async () => {
      const { pixel, state } = await view.look();
      equal(state, "live");
      const bar = barColours.find((colour) => isNear(pixel, colour));
      if (bar !== undefined) seen.add(String(bar));
      return seen.size >= 2;
    });
    await view.stop();
  } finally {
    program.kill("SIGINT");
    await program.exited;
  }
  equal(program.exitCode, 0);
}

export const scenarios: readonly BrowserScenario[] = [
  {
    name: "a track lives and ends in Chromium as it does in the reader that stands for it",
    async run(stage, chromium) {
      const real = await lifeOf(stage, chromium);
      deepEqual(await lifeOf(stage, readerViewer()), real);
      const bridgesGaps = !stage.version.startsWith("0.15");
      deepEqual(real, {
        "another writer at once": "live",
        "another writer after 3 s": bridgesGaps ? "live" : "ended",
        "listed between two writers": "ended",
      });
      return bridgesGaps ? "it survives 3 s without a writer" : "3 s without a writer end it";
    },
  },
  {
    name: "what ffmpeg and testpattern write is seen as it is, in YU12 and YUYV",
    async run(stage, chromium) {
      for (const format of ["yuv420p", "yuyv422"]) {
        await cleared(stage);
        await ready(stage);
        await showsFfmpeg(chromium, format);
      }
      for (const format of ["YU12", "YUYV"]) {
        await cleared(stage);
        await ready(stage);
        await showsTestPattern(chromium, format);
      }
      return undefined;
    },
  },
  {
    name: "two cameras of one label, one of them above 63, are two cameras with the picture of each",
    async run(stage, chromium) {
      await ready(stage, { maxDevices: 2, firstDeviceNumber: 99 });
      using _red = new ColourWriter("video99", RED);
      using _green = new ColourWriter("video100", GREEN, "YUYV");
      const cameras = await chromium.list();
      deepEqual(
        cameras.map(({ label }) => label),
        [LABEL, LABEL],
      );
      notEqual(cameras[0]?.id, cameras[1]?.id);
      // By path as text: video100 comes before video99.
      for (const [index, colour] of [GREEN, RED].entries()) {
        const view = await chromium.open(cameras[index]?.id ?? "");
        await shows(view, colour);
        await view.stop();
      }
      return undefined;
    },
  },
  {
    name: "who may not read and write a device sees no camera, or none that can be read",
    async run(stage, chromium) {
      await ready(stage);
      const path = `/dev/${ID}`;
      using _blue = new ColourWriter(ID, BLUE);
      equal((await chromium.list()).length, 1);
      chownSync(path, 0, VIDEO_GROUP);
      chmodSync(path, 0o660);
      deepEqual(await chromium.list(), []);
      chmodSync(path, 0o444);
      const [camera] = await chromium.list();
      const refused = await chromium.open(camera?.id ?? "").catch(String);
      match(String(refused), /NotReadableError/);
      chmodSync(path, 0o660);
      // A second browser starts slowly. Once is enough: the kernel checks rights, not the module.
      if (stage.version !== "0.15.4") return undefined;
      await using member = await ChromiumViewer.start("member");
      const view = await viewCamera(member);
      await shows(view, BLUE);
      return undefined;
    },
  },
  {
    name: "a ready camera is listed at any time, and its track outlives every writer and the plugin",
    run: (_stage, chromium) => outlivesAll(chromium),
  },
];
