import { openSync, readFileSync, rmSync } from "node:fs";
import { defaultBuffers } from "../../src/drivers/loopback/module/parameters.ts";
import { ChromeReader } from "../kernel/chrome-reader.ts";
import type { Stage } from "../kernel/driver/stage.ts";
import type { ModuleVersion } from "../kernel/provision.ts";
import { eventually } from "../kernel/stories/eventually.ts";
import { cleared } from "./module-in-vm.ts";

const ID = "video10";
const DEVICE = `/dev/${ID}`;
const CAPS = "video/x-raw,format=YUY2,width=320,height=240,framerate=15/1";
/** For 10 s: a reader comes and goes meanwhile. */
const FRAMES = 150;
const READ = 15;

type Command = readonly string[];

/** Programs that write some seconds of frames, or until SIGINT, and end with 0. */
export const bufferWriters = {
  ffmpeg: [
    ...["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-re", "-f", "lavfi", "-i"],
    ...["testsrc=size=320x240:rate=15", "-pix_fmt", "yuyv422"],
    ...["-f", "v4l2", DEVICE],
  ],
  v4l2sink: sink([]),
  "v4l2sink io-mode=rw": sink(["io-mode=rw"]),
  testpattern: ["video-device-plugin", "testpattern", ID, "--size", "320x240", "--rate", "15"],
} as const satisfies Record<string, Command>;

/** Programs that read some frames and end with 0; `Chrome` is the reader that does as Chromium does. */
export const bufferReaders = {
  ffmpeg: [
    ...["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-f", "v4l2", "-i", DEVICE],
    ...["-frames:v", String(READ), "-f", "null", "-"],
  ],
  v4l2src: [
    ...["gst-launch-1.0", "-q", "v4l2src", `device=${DEVICE}`, `num-buffers=${READ}`],
    ...["!", "fakesink", "sync=false"],
  ],
  Chrome: undefined,
} as const satisfies Record<string, Command | undefined>;

export type BufferWriter = keyof typeof bufferWriters;
export type BufferReader = keyof typeof bufferReaders;

function sink(options: Command): Command {
  return [
    ...["gst-launch-1.0", "-q", "videotestsrc", `num-buffers=${FRAMES}`, "is-live=true", "!", CAPS],
    ...["!", "v4l2sink", `device=${DEVICE}`, ...options],
  ];
}

/** A writer and a reader on a device with so many buffers. */
export interface BufferCase {
  /** A sentence. */
  readonly name: string;
  readonly maxBuffers: number;
  readonly writer: BufferWriter;
  readonly reader: BufferReader;
  /** True if both come to their end as they should. */
  readonly works: boolean;
}

/**
 * What decides on the driver's default: GStreamer's v4l2sink needs 3 buffers from 0.14 on, and before, 2 do. Whether v4l2src
 * reads with 3 what v4l2sink writes is a matter of luck, so no case says so. `size`: that of the run
 * (test/support/ci-size.ts).
 */
export function bufferCases(version: ModuleVersion, size: string): readonly BufferCase[] {
  const chosen = defaultBuffers(version);
  const single = (
    maxBuffers: number,
    writer: BufferWriter,
    reader: BufferReader,
    works = true,
  ) => ({
    ...{ maxBuffers, writer, reader, works },
    name: `with ${maxBuffers} buffers ${reader} ${works ? "reads" : "does not read"} what ${writer} writes`,
  });
  const first = single(chosen, "v4l2sink", "Chrome");
  if (size === "gate") return [first];
  return [
    first,
    single(chosen, "ffmpeg", "ffmpeg"),
    single(chosen, "ffmpeg", "v4l2src"),
    single(chosen, "testpattern", "v4l2src"),
    chosen === 2 ? single(2, "v4l2sink", "v4l2src") : single(2, "v4l2sink", "Chrome", false),
  ];
}

/** `ok`, or what failed: one writer and one reader on a new device with this `max_buffers`. */
export async function playBuffers(
  stage: Stage,
  maxBuffers: number,
  writer: BufferWriter,
  reader: BufferReader,
): Promise<string> {
  await cleared(stage);
  const { failed } = await stage.driver({ maxDevices: 1, maxBuffers }).ensure();
  if (failed.length > 0) throw failed[0]?.error;
  const writing = start("writer", bufferWriters[writer]);
  try {
    const chrome = new ChromeReader();
    const began = await eventually("a camera", () => {
      if (writing.process.exitCode !== null) return "ended";
      return chrome.list().length > 0 && "listed";
    });
    if (began === "ended") return `no camera while the writer writes: ${writing.said()}`;
    const read = await readSome(reader, chrome);
    if (read !== undefined) return `reader: ${read}`;
    if (writer === "testpattern" || writer === "ffmpeg") writing.process.kill("SIGINT");
    const code = await endOf(writing.process);
    if (code === undefined) return "writer hangs at its end";
    return code === 0 || (writer === "ffmpeg" && code === 255) ? "ok" : `writer: ${writing.said()}`;
  } finally {
    writing.process.kill("SIGKILL");
    await writing.process.exited;
  }
}

async function readSome(reader: BufferReader, chrome: ChromeReader): Promise<string | undefined> {
  const command = bufferReaders[reader];
  if (command === undefined) {
    using track = chrome.open(DEVICE);
    await eventually("frames", () => track.frames >= READ || track.state === "ended");
    return track.endReason;
  }
  const { process, said } = start("reader", command);
  const code = await endOf(process);
  if (code === undefined) {
    process.kill("SIGKILL");
    await process.exited;
    return "hangs";
  }
  return code === 0 ? undefined : said();
}

/** The exit code, undefined if the program hangs. */
async function endOf(process: Bun.Subprocess): Promise<number | undefined> {
  return Promise.race([process.exited, Bun.sleep(60_000).then(() => undefined)]);
}

function start(name: string, command: Command) {
  const path = `/tmp/${name}.log`;
  rmSync(path, { force: true });
  const log = openSync(path, "w");
  const process = Bun.spawn([...command], { stdin: "ignore", stdout: log, stderr: log });
  const said = () =>
    readFileSync(path, "utf8")
      .split("\n")
      .find((line) => /error|fail|can't|cannot/i.test(line))
      ?.slice(0, 160) ?? `exit code ${process.exitCode}`;
  return { process, said };
}
