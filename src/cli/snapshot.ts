import { writeFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { systemClock } from "../common/clock.ts";
import { messageOf, PluginError } from "../common/plugin-error.ts";
import { writeBytesSync } from "../common/write-sync.ts";
import { systemSources } from "../config/system-sources.ts";
import { linuxKernel, MaxOpeners } from "../drivers/loopback/index.ts";
import { decodeFrame } from "../frames/decode.ts";
import { frameBytes } from "../frames/encode.ts";
import { captureFrame, noFrames } from "../frames/frame-reader.ts";
import { encodePng } from "../frames/png.ts";
import { roundTrip } from "../frames/round-trip.ts";
import { linuxCalls } from "../linux/linux-calls.ts";
import { PIXEL_FORMAT } from "../v4l2/video-structs.ts";
import { type Command, PROGRAM } from "./command.ts";
import { exitCode } from "./exit-code.ts";
import type { Terminal } from "./terminal.ts";
import type { ArgumentsSpec } from "./tools/arguments.ts";
import { holdersOf, openBy, withHolders } from "./tools/busy.ts";
import { parseFrameCommand } from "./tools/frame-command.ts";
import { type FrameOptions, formatFlag, sizeFlag } from "./tools/frame-flags.ts";
import { lookAtStream } from "./tools/loopback-look.ts";
import type { Target } from "./tools/target.ts";
import { usageError } from "./usage-error.ts";

const spec: ArgumentsSpec = {
  positionals: ["DEVICE"],
  flags: [
    { flag: "output", isSwitch: false, expected: "a path, or - for the standard output" },
    { flag: "check", isSwitch: true, expected: "nothing" },
    sizeFlag,
    formatFlag,
  ],
  short: { o: "output" },
};

/** How long a frame is waited for: a writer of one frame a second has time enough. */
const TIMEOUT_MS = 5000;

/** Frames of a check: enough for a median, and below a second at camera size. */
const CHECK_FRAMES = 100;

export const snapshotCommand: Command = {
  syntax: { flags: spec.flags, options: ["deviceDir", "sysfsDir"], devices: true },
  help: () => `Usage: ${PROGRAM} snapshot DEVICE -o FILE
       ${PROGRAM} snapshot DEVICE --check [--size WxH] [--format FORMAT]

Takes the current frame of DEVICE (10, video10 or a path), to which a program must be writing, and saves it
as a PNG file. It counts as a reader, of which newer versions of v4l2loopback allow one a device.

With --check, writes ${CHECK_FRAMES} frames to an idle device, reads each back, compares, and tells the frame rate and
the latency. The device looks like a camera meanwhile, so it refuses one that somebody has open.

Options:
  -o, --output FILE   Where to save the picture; - is the standard output.
  --check             Write and read back instead.
  --size WxH          Of the check's frames (default 640x480).
  --format FORMAT     Of the check's frames: YUYV, YU12 or RGB24 (default YUYV).
  --help              Show this text.

--device-dir and --sysfs-dir are as in "${PROGRAM} run --help".
`,

  async run(argv, terminal) {
    const parsed = parseFrameCommand(systemSources(argv), spec);
    if (!parsed.ok) return usageError(parsed.problems, "snapshot --help", terminal);
    const { frame, target, flags, config } = parsed.command;
    const output = flags.get("output");
    try {
      if (flags.get("check") === "true") await check(target, config.sysfsDir, frame, terminal);
      else if (output === undefined) {
        const problem = { subject: "--output", text: "is missing: where to save the picture" };
        return usageError([problem], "snapshot --help", terminal);
      } else await save(target, config.sysfsDir, output, terminal);
    } catch (error) {
      throw withHolders(error, target);
    }
    return exitCode.ok;
  },
};

async function save(
  target: Target,
  sysfsDir: string,
  output: string,
  terminal: Terminal,
): Promise<void> {
  // An open counts as a user, and one of an idle 0.12 device can make it useless: so none is made in vain.
  const look = target.number === undefined ? undefined : lookAtStream(target.number, sysfsDir);
  if (look?.streaming === false) throw noFrames(target.path, "nobody writes to it");
  const { bytes, layout } = await captureFrame(target.path, TIMEOUT_MS, linuxCalls(), systemClock);
  const png = encodePng(decodeFrame(bytes, layout));
  if (output === "-") {
    writeBytesSync(1, png);
    return;
  }
  try {
    writeFileSync(output, png);
  } catch (cause) {
    const reason = messageOf(cause);
    throw new PluginError("picture_not_saved", `The picture can't be saved: ${reason}.`, { cause });
  }
  const { width, height, fourcc } = layout;
  terminal.out(`${output}: ${width}x${height}, made of ${fourcc}, ${png.length} bytes.\n`);
}

/** By the module's own count, which knows of processes that can't be seen from here. */
function isOpen({ number }: Target, sysfsDir: string): boolean {
  if (number === undefined || lookAtStream(number, sysfsDir) === undefined) return false;
  return new MaxOpeners(sysfsDir, linuxKernel(linuxCalls())).isOpen(number) === true;
}

async function check(
  target: Target,
  sysfsDir: string,
  { width, height, format }: FrameOptions,
  terminal: Terminal,
): Promise<void> {
  const holders = holdersOf(target);
  if (holders.length > 0 || isOpen(target, sysfsDir)) {
    throw new PluginError("device_in_use", `${target.path} is not idle. ${openBy(holders)}`, {
      remedy: "Check it when nobody uses it, or check another one.",
    });
  }
  const { frames, seconds, latencies } = await roundTrip(
    target.path,
    CHECK_FRAMES,
    {
      width,
      height,
      pixelFormat: PIXEL_FORMAT[format],
      frameBytes: frameBytes(format, width, height),
    },
    { calls: linuxCalls(), clock: systemClock, now: () => performance.now() },
  );
  const ms = (value: number | undefined) => `${(value ?? 0).toFixed(2)} ms`;
  const median = latencies[Math.floor(latencies.length / 2)];
  terminal.out(
    `${target.path}: all ${frames} frames of ${width}x${height} ${format} came back as they were, ` +
      `${(frames / seconds).toFixed(0)} a second, latency ${ms(median)} (median), ${ms(latencies.at(-1))} (longest).\n`,
  );
}
