import { basename } from "node:path";
import { performance } from "node:perf_hooks";
import { systemClock } from "../common/clock.ts";
import { readStream } from "../drivers/loopback/index.ts";
import { drawColourBars } from "../frames/colour-bars.ts";
import { encodeFrame, type FrameFormat } from "../frames/encode.ts";
import { type FrameWriter, openFrameWriter, writtenByOther } from "../frames/frame-writer.ts";
import { linuxCalls } from "../linux/linux-calls.ts";
import { type FrameSize, pixelFormats } from "../v4l2/video-structs.ts";
import { exitCode } from "./command.ts";
import { defineCommand } from "./define-command.ts";
import { interruptSignal, type Terminal } from "./terminal.ts";
import { formatFlag, frameDefaults, framesFlag, rateFlag, sizeFlag } from "./tools/frame-flags.ts";
import { holdersOf, withHolders } from "./tools/holders.ts";
import { readyCameraOf, usersOf } from "./tools/ready-camera.ts";
import { findTarget, type Target } from "./tools/target.ts";

export const testpatternCommand = defineCommand("testpattern", {
  usage: ["testpattern DEVICE [options]"],
  about: `Writes moving colour bars to DEVICE (10, video10 or a path) until it is stopped. The bars show the device's
name, the clock and a frame counter. Any browser or player then sees a camera. Works on every version of v4l2loopback,
and restores what it changes on the device. On a ready camera the bars go to its feed, by default in the camera's size
and format.`,
  positionals: ["DEVICE"],
  devices: true,
  flags: { size: sizeFlag, rate: rateFlag, format: formatFlag, frames: framesFlag },
  options: ["deviceDir", "sysfsDir", "containerDeviceEnv"],
  async run({ positionals: [name = ""], flags, config }, terminal) {
    const named = findTarget(name, config);
    const ready = readyCameraOf(named, config, config.containerDeviceEnv);
    const { size, rate, format } = { ...frameDefaults, ...ready?.frames, ...flags };
    const target = ready?.feed ?? named;
    const isMixed = ready
      ? usersOf(ready).writers.length > 0
      : mixesFrames(target, config.sysfsDir);
    if (isMixed) throw withHolders(writtenByOther(target.path), target);
    await feed(target, { ...size, rate, format, frames: flags.frames }, terminal);
    return exitCode.ok;
  },
});
/** True if another program writes to the device and the module would let this one write, too. */
function mixesFrames(target: Target, sysfsDir: string): boolean {
  const stream = target.number === undefined ? undefined : readStream(target.number, sysfsDir);
  if (!stream?.isActive || !stream.allowsSecondWriter) return false;
  // A format that outlived its writer is no stream.
  return holdersOf(target).length > 0;
}

interface Pattern extends FrameSize {
  /** Frames a second. */
  readonly rate: number;
  readonly format: FrameFormat;
  /** Undefined: until it is stopped. */
  readonly frames: number | undefined;
}

async function feed(target: Target, options: Pattern, terminal: Terminal): Promise<void> {
  const { width, height, rate, format } = options;
  const stop = interruptSignal();
  try {
    using writer = openFrameWriter(
      target.path,
      { width, height, rate, pixelFormat: pixelFormats[format] },
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

/** Writes a frame each 1/rate s. A slow machine skips no frame and catches none up. */
async function stream(
  writer: FrameWriter,
  target: Target,
  { width, height, rate, format, frames = Number.POSITIVE_INFINITY }: Pattern,
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
