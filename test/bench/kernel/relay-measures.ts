import type { ReadyDriver } from "../../../src/drivers/loopback/ready/ready-driver.ts";
import { openFrameWriter } from "../../../src/frames/frame-writer.ts";
import { linuxCalls } from "../../../src/linux/linux-calls.ts";
import { pollCalls } from "../../../src/linux/poll-calls.ts";
import type { VideoFile } from "../../../src/v4l2/video-file.ts";
import type { Stage } from "../../kernel/driver/stage.ts";
import { ignoring } from "../../kernel/driver/tenant.ts";
import { type Row, row } from "../measure.ts";
import { frameSize, relaySettings } from "../relay-settings.ts";
import { camera, counted, openFeed, request, withReadyCamera } from "./ready-camera.ts";

/** How long a frame may take, ms. */
const limitMs = 10_000;

/** A ready camera of 1280x720 with the relay in a Worker, against the same bytes copied by hand. */
export async function relaying(stage: Stage, rounds: number): Promise<Row[]> {
  const bare = await bareCopy(stage, rounds);
  return withReadyCamera(stage, async (driver) => {
    const relayed = await relayedFrames(stage, driver, rounds);
    const { median } = row("", "", bare.cpu);
    return [
      row("frame of 1.4 MB copied by hand, CPU", "ms", bare.cpu),
      row("frame relayed, CPU", "ms", relayed.cpu),
      row(
        "  as a ratio",
        "",
        relayed.cpu.map((ms) => ms / median),
      ),
      row("frames copied by hand", "1/s", bare.rates, [], "more"),
      row(
        "frames relayed, the application writes without a pause",
        "1/s",
        relayed.rates,
        [],
        "more",
      ),
      row("write to read, one device", "ms", bare.latencies),
      row("write to the feed to read of the camera", "ms", relayed.latencies),
    ];
  });
}

interface Copies {
  /** ms of CPU a frame. */
  readonly cpu: number[];
  /** Frames a second. */
  readonly rates: number[];
  /** From a write's end to the read's end, ms. */
  readonly latencies: number[];
}

/** Frames a round. */
const roundFrames = 60;

/** One thread reads one device and writes another one, which is all that a relay does. */
async function bareCopy(stage: Stage, rounds: number): Promise<Copies> {
  stage.clear();
  await stage.driver({ maxDevices: 2 }).ensure();
  const { threadCpuSeconds } = pollCalls();
  const copies: Copies = { cpu: [], rates: [], latencies: [] };
  using writer = openFrameWriter("/dev/video10", request, linuxCalls());
  using copy = openFrameWriter("/dev/video11", request, linuxCalls());
  using reader = stage.open("video10");
  const frame = new Uint8Array(frameSize);
  const into = new Uint8Array(frameSize);
  for (let round = 0; round < rounds; round++) {
    let cpu = 0;
    let elapsed = 0;
    for (let number = 1; number <= roundFrames; number++) {
      writer.write(frame.fill(number));
      const written = performance.now();
      const used = threadCpuSeconds();
      readUntil(reader, into, number);
      copies.latencies.push(performance.now() - written);
      copy.write(into);
      cpu += threadCpuSeconds() - used;
      elapsed += performance.now() - written;
    }
    copies.cpu.push((cpu / roundFrames) * 1000);
    copies.rates.push((roundFrames / elapsed) * 1000);
  }
  return copies;
}

async function relayedFrames(stage: Stage, driver: ReadyDriver, rounds: number): Promise<Copies> {
  const copies: Copies = { cpu: [], rates: [], latencies: [] };
  using reader = stage.open(camera);
  ignoring(() => reader.setFormat("capture", request));
  ignoring(() => reader.streamOn("capture"));
  using writer = openFeed(stage);
  const frame = new Uint8Array(frameSize);
  const into = new Uint8Array(frameSize);
  for (let round = 0; round < rounds; round++) {
    for (let number = 1; number <= roundFrames; number++) {
      writer.write(frame.fill(number));
      const written = performance.now();
      readUntil(reader, into, number);
      copies.latencies.push(performance.now() - written);
      await Bun.sleep(1000 / relaySettings.rate);
    }
    // Without a reader that spins, for which the relay's writes would wait.
    const before = counted(driver);
    for (let number = 0; number < roundFrames; number++) {
      writer.write(frame);
      await Bun.sleep(1000 / relaySettings.rate);
    }
    const after = counted(driver);
    copies.cpu.push(((after.cpu - before.cpu) / (after.frames - before.frames)) * 1000);
    const started = performance.now();
    while (performance.now() - started < 2000) writer.write(frame);
    await Bun.sleep(0);
    const seconds = (performance.now() - started) / 1000;
    copies.rates.push((counted(driver).frames - after.frames) / seconds);
  }
  return copies;
}

/** Reads until the frame with this number has come. */
function readUntil(reader: VideoFile, into: Uint8Array, number: number): void {
  const end = performance.now() + limitMs;
  while (ignoring(() => reader.read(into)) === undefined || into[0] !== number) {
    if (performance.now() > end) throw new Error(`frame ${number} did not come back`);
  }
}
