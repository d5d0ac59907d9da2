import { writeFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { systemClock } from "../common/clock.ts";
import { messageOf, PluginError } from "../common/plugin-error.ts";
import { writeBytesSync } from "../common/write-sync.ts";
import { accept } from "../config/types/option-type.ts";
import { readStream } from "../drivers/loopback/index.ts";
import { decodeFrame, type FrameLayout } from "../frames/decode.ts";
import { type FrameFormat, frameBytes } from "../frames/encode.ts";
import { captureFrame, noFrames } from "../frames/frame-reader.ts";
import { openWithoutQuery } from "../frames/open-device.ts";
import { encodePng } from "../frames/png.ts";
import { roundTrip } from "../frames/round-trip.ts";
import { linuxCalls } from "../linux/linux-calls.ts";
import type { Holder } from "../v4l2/holders.ts";
import { type FrameSize, pixelFormats } from "../v4l2/video-structs.ts";
import { switchFlag } from "./arguments.ts";
import { exitCode } from "./command.ts";
import { defineCommand } from "./define-command.ts";
import type { Terminal } from "./terminal.ts";
import { containerDevices, isSimulated } from "./tools/container-devices.ts";
import { formatFlag, frameDefaults, sizeFlag } from "./tools/frame-flags.ts";
import { holdersOf, openBy, withHolders } from "./tools/holders.ts";
import { type ReadyCamera, readyCameraOf, usersOf } from "./tools/ready-camera.ts";
import { refuseStuck } from "./tools/refuse-stuck.ts";
import { findTarget, type Target } from "./tools/target.ts";
import { usageError } from "./usage-error.ts";

/** Longest wait for a frame, ms: enough for a writer of one frame a second. */
const timeoutMs = 5000;

/** Frames of a check: enough for a median, and below a second at camera size. */
const checkFrames = 100;

export const snapshotCommand = defineCommand("snapshot", {
  usage: ["snapshot DEVICE -o FILE", "snapshot [DEVICE] --check [options]"],
  about: `Saves the current frame of DEVICE (10, video10 or a path) as a PNG file. A program must be writing to the device.
The command counts as a reader, and newer versions of v4l2loopback allow one reader a device.

A webcam or capture card has no writer: the command streams for about a second, in the format that is set. MJPG is saved as
it is, if FILE ends in .jpg.

With --check, the command writes ${checkFrames} frames to an idle device, reads each back, compares, and shows the frame
rate and the latency. The device looks like a camera meanwhile, so the command rejects a device that a program holds
open. Without DEVICE it checks the devices that its own container got, as VIDEO_DEVICE and VIDEO_DEVICES name them; a
simulated one is only opened and written to.

Of a ready camera, the command saves what the camera shows, and checks with frames of the camera's size and format: it
writes to the feed, and reads the camera.`,
  positionals: ["[DEVICE]"],
  devices: true,
  flags: {
    output: {
      short: "o",
      type: {
        expected: "a path, or - for the standard output",
        placeholder: "FILE",
        parse: accept<string>,
      },
      description: "Where to save the picture; - is the standard output.",
    },
    check: switchFlag("Writes frames and reads them back instead."),
    size: { ...sizeFlag, description: "Frame size of the check (default 640x480)." },
    format: { ...formatFlag, description: `Pixel format of the check: ${formatFlag.description}` },
  },
  options: ["deviceDir", "sysfsDir", "containerDeviceEnv"],
  async run({ positionals: [name], flags, config }, terminal) {
    const readyOf = (target: Target) => readyCameraOf(target, config, config.containerDeviceEnv);
    if (flags.check === true) {
      const names = name === undefined ? containerDevices(config.containerDeviceEnv) : [name];
      for (const one of names) {
        const target = findTarget(one, config);
        const ready = readyOf(target);
        const { size, format } = { ...frameDefaults, ...ready?.frames, ...flags };
        const pattern = { ...size, format };
        if (name === undefined && isSimulated(target)) writeToSimulated(target, pattern, terminal);
        else if (ready !== undefined) {
          await checking(ready.feed, () => checkReady(ready, pattern, terminal));
        } else await checking(target, () => check(target, config.sysfsDir, pattern, terminal));
      }
      return exitCode.ok;
    }
    const missing = [
      ...(name === undefined ? [{ subject: "DEVICE", text: "is missing" }] : []),
      ...(flags.output === undefined
        ? [{ subject: "--output", text: "is missing: where to save the picture" }]
        : []),
    ];
    if (name === undefined || flags.output === undefined) {
      return usageError(missing, "snapshot --help", terminal);
    }
    const [named, output] = [findTarget(name, config), flags.output];
    const target = readyOf(named)?.camera ?? named;
    await checking(target, () => save(target, config.sysfsDir, output, terminal));
    return exitCode.ok;
  },
});

/** Resolves as `work` does, and adds to its error which processes hold the device open. */
async function checking(target: Target, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw withHolders(error, target);
  }
}

async function save(
  target: Target,
  sysfsDir: string,
  output: string,
  terminal: Terminal,
): Promise<void> {
  // An open counts as a user and can make an idle 0.12 device useless, so an idle device isn't opened.
  if (streamOf(target, sysfsDir)?.isActive === false)
    throw noFrames(target.path, "no program writes to it");
  await refuseStuck(target, sysfsDir);
  const { bytes, layout } = await captureFrame(target.path, timeoutMs, linuxCalls(), systemClock);
  const file = pictureFile(bytes, layout, { path: target.path, output });
  if (output === "-") {
    writeBytesSync(1, file);
    return;
  }
  try {
    writeFileSync(output, file);
  } catch (cause) {
    const reason = messageOf(cause);
    throw new PluginError("picture_not_saved", `The picture can't be saved: ${reason}.`, { cause });
  }
  const { width, height, fourcc } = layout;
  terminal.out(`${output}: ${width}x${height}, made of ${fourcc}, ${file.length} bytes.\n`);
}

/** A frame as a file: PNG, or of MJPG the JPEG file that each of its frames is. */
function pictureFile(
  bytes: Uint8Array,
  layout: FrameLayout,
  { path, output }: { readonly path: string; readonly output: string },
): Uint8Array {
  if (!/^M?JPE?G$/.test(layout.fourcc)) return encodePng(decodeFrame(bytes, layout));
  if (/\.jpe?g$/i.test(output)) return bytes;
  throw new PluginError(
    "format_not_supported",
    `${path} sends ${layout.fourcc}, which is saved as it is, and ${output} is no name of a JPEG file.`,
    { remedy: "Give the file a name that ends in .jpg." },
  );
}

function streamOf({ number }: Target, sysfsDir: string) {
  return number === undefined ? undefined : readStream(number, sysfsDir);
}

/** Frames of a check. */
type CheckFrames = FrameSize & { readonly format: FrameFormat };

/**
 * Opens a simulated device and writes a frame to it.
 * @throws PluginError of {@link openWithoutQuery}.
 */
function writeToSimulated(
  { path }: Target,
  { width, height, format }: CheckFrames,
  terminal: Terminal,
): void {
  using file = openWithoutQuery(path, linuxCalls());
  const bytes = file.write(new Uint8Array(frameBytes(format, width, height)));
  terminal.out(
    `${path} is simulated: its node has the number of /dev/null. It opened, and took a frame of ${bytes} bytes. ` +
      "No frame comes back from a simulated device, so none was read.\n",
  );
}

async function check(
  target: Target,
  sysfsDir: string,
  pattern: CheckFrames,
  terminal: Terminal,
): Promise<void> {
  const holders = holdersOf(target);
  if (holders.length > 0 || streamOf(target, sysfsDir)?.isOpen()) throw notIdle(target, holders);
  await checkPath(target.path, target.path, pattern, terminal);
}

/** As {@link check}, through the plugin's relay. The module's own count of openers has the plugin in it. */
async function checkReady(
  ready: ReadyCamera,
  pattern: CheckFrames,
  terminal: Terminal,
): Promise<void> {
  const { readers, writers } = usersOf(ready);
  if (writers.length > 0) throw notIdle(ready.feed, writers);
  if (readers.length > 0) throw notIdle(ready.camera, readers);
  await checkPath(ready.feed.path, ready.camera.path, pattern, terminal);
}

function notIdle({ path }: Target, holders: readonly Holder[]): PluginError {
  return new PluginError("device_in_use", `${path} is not idle. ${openBy(holders)}`, {
    remedy: "Check it when no program uses it, or check another device.",
  });
}

async function checkPath(
  path: string,
  readPath: string,
  { width, height, format }: CheckFrames,
  terminal: Terminal,
): Promise<void> {
  const { frames, seconds, latencies } = await roundTrip(
    path,
    checkFrames,
    {
      width,
      height,
      pixelFormat: pixelFormats[format],
      frameBytes: frameBytes(format, width, height),
      readPath,
    },
    { calls: linuxCalls(), clock: systemClock, now: () => performance.now() },
  );
  const ms = (value: number | undefined) => `${(value ?? 0).toFixed(2)} ms`;
  const median = latencies[Math.floor(latencies.length / 2)];
  terminal.out(
    `${readPath === path ? path : `${readPath}, written at ${path}`}: all ${frames} frames of ${width}x${height} ${format} came back as they were, ` +
      `${(frames / seconds).toFixed(0)} a second, latency ${ms(median)} (median), ${ms(latencies.at(-1))} (longest).\n`,
  );
}
