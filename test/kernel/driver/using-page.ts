import { equal, ok } from "node:assert/strict";
import { rmSync, statSync } from "node:fs";
import usingPage from "../../../docs/using.md" with { type: "text" };
import { snippet } from "../../support/snippet.ts";
import { openDevices, run } from "../stories/cameras.ts";
import { eventually } from "../stories/eventually.ts";
import { shown, v4l2Ctl } from "./camera-programs.ts";
import type { Scenario } from "./scenario.ts";
import type { Stage } from "./stage.ts";

const ID = "video11";
const OTHER = "video10";

/** As in a container that has the two devices. */
const env = { VIDEO_DEVICE: `/dev/${ID}`, VIDEO_DEVICES: `/dev/${ID},/dev/${OTHER}` };

/** Starts a writer of docs/using.md in a shell, with its devices created; ends it when disposed. */
async function started(
  stage: Stage,
  title: string,
  { command = snippet(usingPage, title), maxBuffers = 2 } = {},
): Promise<AsyncDisposable> {
  equal((await stage.driver({ maxBuffers }).ensure()).failed.length, 0);
  const shell = Bun.spawn(["sh", "-c", command], {
    cwd: "/tmp",
    // A process group of its own: the shell does not pass signals on.
    detached: true,
    env: { ...process.env, ...env },
    stdout: "ignore",
    stderr: Bun.file(`/log/${title.replaceAll(/\W+/g, "-")}`),
  });
  return {
    [Symbol.asyncDispose]: async () => {
      if (shell.exitCode === null) process.kill(-shell.pid, "SIGKILL");
      await shell.exited;
      await eventually("its processes have closed the devices", () => openDevices() === 0);
    },
  };
}

const isCamera = (id: string) => v4l2Ctl(id, "--info").includes("\t\tVideo Capture\n");

/** Reads pictures of a device as browsers do, by mmap, once it is a camera. */
async function assertPictures(id: string, width = 1280, height = 720): Promise<void> {
  await eventually(`${id} is a camera`, () => isCamera(id));
  const path = "/tmp/pictures";
  rmSync(path, { force: true });
  const format = v4l2Ctl(id, "--get-fmt-video");
  equal(shown(format, "Width/Height"), `${width}/${height}`);
  ok(format.includes("'YU12'"), format);
  const options = ["--stream-mmap", "--stream-count=3", `--stream-to=${path}`];
  // Ends it if it gets no pictures.
  run(["timeout", "90", "v4l2-ctl", "-d", `/dev/${id}`, ...options]);
  // Before 0.13, v4l2sink rounds each picture up to a page.
  const bytes = 3 * width * height * 1.5;
  ok(statSync(path).size >= bytes && statSync(path).size < bytes * 1.01, `${statSync(path).size}`);
}

function writes(title: string, before: () => void = () => {}): Scenario {
  return {
    name: `docs/using.md, "${title}": its pictures are read by mmap`,
    async run(stage) {
      before();
      await using _writer = await started(stage, title);
      await assertPictures(ID);
      return undefined;
    },
  };
}

function makeInput(): void {
  const picture = ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=10", "-t", "1"];
  run(["ffmpeg", "-nostdin", "-loglevel", "error", ...picture, "-c:v", "mpeg4", "/tmp/input.mp4"]);
}

/** The commands of docs/using.md, as the page has them. */
export const usingPageScenarios: readonly Scenario[] = [
  writes("ffmpeg: test picture"),
  writes("ffmpeg: file", makeInput),
  {
    name: 'docs/using.md, "ffmpeg: two cameras": the pictures of both are read by mmap',
    async run(stage) {
      await using _writer = await started(stage, "ffmpeg: two cameras");
      await assertPictures(ID);
      await assertPictures(OTHER);
      return undefined;
    },
  },
  {
    name: 'docs/using.md, "ffmpeg: read": it saves a picture',
    async run(stage) {
      await using _writer = await started(stage, "ffmpeg: test picture");
      await eventually(`${ID} is a camera`, () => isCamera(ID));
      const variables = `cd /tmp; export VIDEO_DEVICE=${env.VIDEO_DEVICE}`;
      run(["sh", "-ec", `${variables}; ${snippet(usingPage, "ffmpeg: read")}`]);
      ok(statSync("/tmp/picture.png").size > 1000);
      return undefined;
    },
  },
  {
    name: 'docs/using.md, "GStreamer: v4l2sink": with enough buffers its pictures are read by mmap',
    async run(stage) {
      const maxBuffers = /^0\.1[23]\./.test(stage.version) ? 2 : 3;
      await using _writer = await started(stage, "GStreamer: v4l2sink", { maxBuffers });
      await assertPictures(ID);
      return `${maxBuffers} buffers`;
    },
  },
  {
    name: 'docs/using.md, "camera.go": its pictures are read by mmap',
    async run(stage) {
      await using _writer = await started(stage, "camera.go", { command: "go-writer" });
      await assertPictures(ID, 640, 480);
      return undefined;
    },
  },
];
