import { basename } from "node:path";
import { performance } from "node:perf_hooks";
import { systemClock } from "../common/clock.ts";
import { systemSources } from "../config/system-sources.ts";
import { drawColourBars } from "../frames/colour-bars.ts";
import { encodeFrame } from "../frames/encode.ts";
import { type FrameWriter, openFrameWriter, writtenByOther } from "../frames/frame-writer.ts";
import { linuxCalls } from "../linux/linux-calls.ts";
import { PIXEL_FORMAT } from "../v4l2/video-structs.ts";
import { type Command, PROGRAM } from "./command.ts";
import { exitCode } from "./exit-code.ts";
import type { Terminal } from "./terminal.ts";
import type { ArgumentsSpec } from "./tools/arguments.ts";
import { withHolders } from "./tools/busy.ts";
import { parseFrameCommand } from "./tools/frame-command.ts";
import {
  type FrameOptions,
  formatFlag,
  framesFlag,
  rateFlag,
  sizeFlag,
} from "./tools/frame-flags.ts";
import { interruption } from "./tools/interruption.ts";
import { hasUnseenWriter } from "./tools/loopback-look.ts";
import type { Target } from "./tools/target.ts";
import { usageError } from "./usage-error.ts";

const spec: ArgumentsSpec = {
  positionals: ["DEVICE"],
  flags: [sizeFlag, rateFlag, formatFlag, framesFlag],
};

export const testpatternCommand: Command = {
  syntax: { flags: spec.flags, options: ["deviceDir", "sysfsDir"], devices: true },
  help: () => `Usage: ${PROGRAM} testpattern DEVICE [options]

Writes moving colour bars, with the device's name, the clock and a frame counter on them, to DEVICE (10,
video10 or a path) until stopped. Any browser or player then sees a camera. Works on every version of
v4l2loopback; what it changes of the device it puts back.

Options:
  --size WxH       Pixels, both even (default 640x480).
  --rate N         Frames a second (default 30).
  --format FORMAT  YUYV, YU12 or RGB24 (default YUYV).
  --frames N       Stop after so many.
  --help           Show this text.

--device-dir and --sysfs-dir are as in "${PROGRAM} run --help".
`,

  async run(argv, terminal) {
    const parsed = parseFrameCommand(systemSources(argv), spec);
    if (!parsed.ok) return usageError(parsed.problems, "testpattern --help", terminal);
    const { frame, target, config } = parsed.command;
    if (hasUnseenWriter(target, config.sysfsDir)) {
      throw withHolders(writtenByOther(target.path), target);
    }
    await feed(target, frame, terminal);
    return exitCode.ok;
  },
};

async function feed(target: Target, options: FrameOptions, terminal: Terminal): Promise<void> {
  const { width, height, rate, format } = options;
  const stop = interruption();
  try {
    using writer = openFrameWriter(
      target.path,
      { width, height, rate, pixelFormat: PIXEL_FORMAT[format] },
      linuxCalls(),
    );
    const until = options.frames === undefined ? "Ctrl-C stops it." : `${options.frames} frames.`;
    terminal.out(
      `Colour bars, ${width}x${height} ${format} at ${rate} a second, to ${target.path} ("${writer.card}"). ${until}\n`,
    );
    const { frames, seconds } = await stream(writer, target, options, stop);
    terminal.out(
      `${frames} frames in ${seconds.toFixed(1)} s, ${(frames / seconds).toFixed(1)} a second.\n`,
    );
  } catch (error) {
    throw withHolders(error, target);
  }
}

/** A frame each 1/rate s from the start on; time that a slow machine lost is not made up for. */
async function stream(
  writer: FrameWriter,
  target: Target,
  { width, height, rate, format, frames = Number.POSITIVE_INFINITY }: FrameOptions,
  stop: AbortSignal,
): Promise<{ frames: number; seconds: number }> {
  const started = performance.now();
  let written = 0;
  let due = started;
  while (written < frames && !stop.aborted) {
    const caption = [
      basename(target.path),
      new Date(systemClock.now()).toISOString().slice(11, 23),
      `frame ${String(written).padStart(6, "0")}`,
    ];
    writer.write(encodeFrame(drawColourBars(width, height, written, caption), format));
    written++;
    due = Math.max(due + 1000 / rate, performance.now());
    await systemClock.sleep(Math.max(0, due - performance.now()), stop);
  }
  return { frames: written, seconds: (performance.now() - started) / 1000 };
}
