import { equal, ok } from "node:assert/strict";
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { run } from "../stories/cameras.ts";
import { eventually } from "../stories/eventually.ts";

/** What the programs feed and read. */
export const WIDTH = 320;
export const HEIGHT = 240;
/** YUYV: two bytes a pixel. */
export const FRAME_BYTES = WIDTH * HEIGHT * 2;

/** Fills a frame exactly, and no fresh memory has it. */
export const SECRET = "the last tenant!";
const SECRET_FRAME = "/tmp/secret-frame";

const FFMPEG = ["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "warning", "-stats"];
const YUYV = ["-pix_fmt", "yuyv422", "-s", `${WIDTH}x${HEIGHT}`];

/** ffmpeg's own test picture, which counts the seconds; each frame differs. */
export const TESTSRC = [
  ...["-f", "lavfi", "-i", `testsrc=size=${WIDTH}x${HEIGHT}:rate=10`, "-pix_fmt", "yuyv422"],
] as const;

/** The same frame for ever, full of {@link SECRET}. */
export async function secretPicture(): Promise<readonly string[]> {
  await Bun.write(SECRET_FRAME, SECRET.repeat(FRAME_BYTES / SECRET.length));
  return ["-f", "rawvideo", ...YUYV, "-r", "10", "-stream_loop", "-1", "-i", SECRET_FRAME];
}

/** An ffmpeg that feeds a device in real time, by write() as its v4l2 output does. */
export interface Feeder extends AsyncDisposable {
  /** What it wrote to stderr. */
  log(): string;
  /** By SIGKILL, as disposing does. */
  kill(): Promise<void>;
}

let feeders = 0;

/** Starts feeding; resolves when frames went in. */
export async function feed(id: string, source: readonly string[]): Promise<Feeder> {
  const path = `/log/ffmpeg-${++feeders}`;
  const stderr = openSync(path, "w");
  const ffmpeg = Bun.spawn([...FFMPEG, "-re", ...source, "-f", "v4l2", `/dev/${id}`], {
    stdout: "ignore",
    stderr,
  });
  closeSync(stderr);
  const log = () => readFileSync(path, "utf8");
  await eventually(`frames of ffmpeg to ${id}`, () => {
    if (ffmpeg.exitCode !== null) throw new Error(log());
    // The first is counted before it is written.
    return /frame= *([2-9]|\d\d)/.test(log());
  });
  const kill = async () => {
    ffmpeg.kill("SIGKILL");
    await ffmpeg.exited;
  };
  return { log, kill, [Symbol.asyncDispose]: kill };
}

/** Feeds some frames and ends in order; undefined, or what ffmpeg says is wrong. */
export function feedSome(id: string): string | undefined {
  const { exitCode, stderr } = Bun.spawnSync([
    ...FFMPEG,
    ...[...TESTSRC, "-frames:v", "5", "-f", "v4l2", `/dev/${id}`],
  ]);
  return exitCode === 0 ? undefined : stderr.toString();
}

/** The sums of an input's first frames, by ffmpeg. */
export function frameSums(input: readonly string[], frames: number): string[] {
  const output = ["-frames:v", String(frames), "-f", "framemd5", "-"];
  const lines = run([...FFMPEG, ...input, ...output]).split("\n");
  return lines.filter((line) => /^\d/.test(line)).map((line) => line.split(", ").at(-1) ?? "");
}

export function v4l2Ctl(id: string, ...args: string[]): string {
  return run(["v4l2-ctl", "-d", `/dev/${id}`, ...args]);
}

/** What follows a name and a colon in v4l2-ctl's output. */
export function shown(output: string, name: string): string {
  const line = output.split("\n").find((one) => one.trim().startsWith(name));
  ok(line, `no "${name}" in ${output}`);
  return line.slice(line.indexOf(":") + 1).trim();
}

/** Frames as v4l2-ctl takes them by mmap. */
export function streamed(id: string, frames: number): Uint8Array[] {
  const path = "/tmp/streamed";
  rmSync(path, { force: true });
  const output = v4l2Ctl(id, "--stream-mmap", `--stream-count=${frames}`, `--stream-to=${path}`);
  ok(existsSync(path), `v4l2-ctl streams nothing: ${output}`);
  const bytes = new Uint8Array(readFileSync(path));
  equal(bytes.length, frames * FRAME_BYTES);
  return Array.from({ length: frames }, (_, index) =>
    bytes.subarray(index * FRAME_BYTES, (index + 1) * FRAME_BYTES),
  );
}

/** A v4l2-ctl that reads a device by mmap until it is disposed; resolves when two frames have come out. */
export async function reader(id: string): Promise<AsyncDisposable> {
  const path = "/tmp/read-by-the-first";
  rmSync(path, { force: true });
  const args = ["-d", `/dev/${id}`, "--stream-mmap", `--stream-to=${path}`];
  const v4l2 = Bun.spawn(["v4l2-ctl", ...args], { stdout: "ignore", stderr: "ignore" });
  const stop = async () => {
    v4l2.kill("SIGKILL");
    await v4l2.exited;
  };
  await eventually(`frames of ${id}`, () => {
    if (v4l2.exitCode !== null) throw new Error(`v4l2-ctl ended with ${v4l2.exitCode}`);
    return existsSync(path) && statSync(path).size >= 2 * FRAME_BYTES;
  });
  return { [Symbol.asyncDispose]: stop };
}

/** True if a further program reads two frames of a device by mmap, false if it is busy. */
export function readsByMmap(id: string): boolean {
  const args = ["--stream-mmap", "--stream-count=2", "--stream-to=/tmp/read-by-a-second"];
  return isServed(["v4l2-ctl", "-d", `/dev/${id}`, ...args]);
}

/** True if a further program reads a frame of a device by read(), false if it is busy. */
export function readsByRead(id: string): boolean {
  return isServed(["/bin/v4l2-tool", "read-frames", `/dev/${id}`, "1"]);
}

/** False if the program says that the device is busy; throws for any other failure. */
function isServed(command: string[]): boolean {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  const output = `${stdout}${stderr}`;
  if (/Device or resource busy|EBUSY/.test(output)) return false;
  equal(exitCode, 0, output);
  return true;
}

/** All that a device shows to its next opener, searched byte by byte (v4l2-tool.c). */
export interface Search {
  readonly read_bytes: number;
  readonly read_found: number;
  readonly capture_bytes: number;
  readonly capture_found: number;
  readonly output_bytes: number;
  readonly output_found: number;
}

export function search(id: string): Search {
  const size = [String(WIDTH), String(HEIGHT)];
  return JSON.parse(run(["/bin/v4l2-tool", "search", `/dev/${id}`, ...size, SECRET]));
}
