import { closeSync, mkdtempSync, readFileSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../src/common/logger.ts";
import type { CameraRelay } from "../../../src/drivers/driver.ts";
import { startWorker, WorkerRelay } from "../../../src/drivers/loopback/ready/worker-relay.ts";
import { compileGuest } from "../../kernel/compile.ts";
import { openFrameSockets } from "../../support/frame-sockets.ts";
import { BenchNode } from "../bench-node.ts";
import { type Measure, type Row, row } from "../measure.ts";
import { PluginCaller, timeCalls } from "../plugin-caller.ts";
import { memoryOf } from "../process-usage.ts";
import { frameSize, relayedCameras, relaySettings } from "../relay-settings.ts";
import { summarise } from "../statistics.ts";

const modes = ["off", "application", "worker", "process"] as const;
type Mode = (typeof modes)[number];

/** How far Allocate's p99 beside the relay may be above that of a plugin alone. */
const mostSlower = 1.5;

/** Memory that eight ready cameras may take, MB. */
const mostMemory = 15;

/** How long a camera may get no frame when the relay's Worker ends, ms. */
const mostRestart = 200;
/** A Worker that has run for as long is started again at once, ms. */
const steadyMs = 10_000;

/** What `relayed-plugin.ts` writes. */
interface Report {
  readonly cpuSeconds: number;
  readonly cameras: readonly CameraRelay[];
}

/** The relay of ready cameras, with sockets in place of devices. Needs root, for sockets that hold whole frames. */
export const relay: Measure = {
  name: "relay",
  async run({ rounds, progress }) {
    const directory = mkdtempSync(join(tmpdir(), "bench-relay-"));
    try {
      const binary = join(directory, "relayed-plugin");
      compileGuest(join(import.meta.dir, "../relayed-plugin.ts"), binary);
      const results = new Map(modes.map((mode) => [mode, new ModeResult(mode)] as const));
      for (let round = 0; round < rounds(6, 1); round++) {
        // In turns, so that a busy moment of the machine meets all alike.
        for (const result of results.values()) {
          await result.measure(binary, join(directory, "report"), rounds(2500, 1000));
          progress(`relay, round ${round + 1}, ${result.mode}`);
        }
      }
      return [
        ...rowsOf(results),
        ...(await latencies(rounds(600, 100))),
        await restarts(rounds(10, 2)),
      ];
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};

/** What was measured with the relay in one place. */
class ModeResult {
  readonly mode: Mode;
  readonly calls: number[] = [];
  readonly resident: number[] = [];
  readonly anonymous: number[] = [];
  /** A frame a second of one camera, and the relay's CPU, ms a frame. */
  readonly rates: number[] = [];
  readonly frameCpu: number[] = [];

  constructor(mode: Mode) {
    this.mode = mode;
  }

  async measure(binary: string, report: string, calls: number): Promise<void> {
    await using node = await BenchNode.registered(binary, [`--relay=${this.mode},${report}`]);
    await Bun.sleep(3000);
    const memory = memoryOf(node.pid);
    this.resident.push(memory.rss);
    this.anonymous.push(memory.anonymous);
    using caller = new PluginCaller(node.pluginSocket);
    // Until both sides' hot code is compiled.
    await timeCalls(() => caller.allocate(), 3000, 4);
    const relays = this.mode === "worker" || this.mode === "process";
    const before = relays ? readReport(report) : undefined;
    const started = performance.now();
    this.calls.push(...(await timeCalls(() => caller.allocate(), calls)));
    // Reports come each second: the sum over some of them hardly depends on when.
    await Bun.sleep(Math.max(0, 5000 - (performance.now() - started)));
    if (before === undefined) return;
    const after = readReport(report);
    const seconds = (performance.now() - started) / 1000;
    const frames = framesOf(after) - framesOf(before);
    this.rates.push(frames / seconds / relayedCameras);
    this.frameCpu.push(((after.cpuSeconds - before.cpuSeconds) / frames) * 1000);
  }
}

function readReport(path: string): Report {
  return JSON.parse(readFileSync(path, "utf8")) as Report;
}

function framesOf({ cameras }: Report): number {
  return cameras.reduce((sum, { applicationFrames }) => sum + applicationFrames, 0);
}

function rowsOf(results: ReadonlyMap<Mode, ModeResult>): Row[] {
  const of = (mode: Mode) => results.get(mode) ?? new ModeResult(mode);
  const [off, application, worker, own] = modes.map(of) as [
    ModeResult,
    ModeResult,
    ModeResult,
    ModeResult,
  ];
  const idle = summarise(off.calls, "less").p99;
  const within = [{ statistic: "p99", limit: Number((mostSlower * idle).toFixed(2)) }] as const;
  const bare = bareCopyMs(500);
  const more = (key: "resident" | "anonymous") =>
    summarise(worker[key], "less").median - summarise(off[key], "less").median;
  return [
    row("Allocate, nothing relayed", "ms", off.calls),
    row("Allocate, an application copies as many frames", "ms", application.calls),
    row("Allocate, 8 cameras relayed by a Worker", "ms", worker.calls, within),
    row("Allocate, 8 cameras relayed by a process", "ms", own.calls, within),
    row("frames relayed, each camera", "1/s", worker.rates, [], "more"),
    row("CPU of a relayed frame", "ms", worker.frameCpu),
    row("  a bare read and write of as many bytes", "ms", [bare]),
    row(
      "  relayed, as a ratio to that",
      "",
      worker.frameCpu.map((ms) => ms / bare),
    ),
    row(
      "anonymous memory of 8 ready cameras",
      "MB",
      [more("anonymous")],
      [{ statistic: "worst", limit: mostMemory }],
    ),
    row("resident memory of 8 ready cameras", "MB", [more("resident")]),
  ];
}

/** CPU time of one write and one read of a frame, ms. */
function bareCopyMs(copies: number): number {
  const [one, other] = openFrameSockets(3 * frameSize);
  const frame = new Uint8Array(frameSize).fill(1);
  let before = process.cpuUsage();
  for (let copy = -50; copy < copies; copy++) {
    if (copy === 0) before = process.cpuUsage();
    writeSync(one, frame);
    readSync(other, frame);
  }
  const { user, system } = process.cpuUsage(before);
  for (const fd of [one, other]) closeSync(fd);
  return (user + system) / 1000 / copies;
}

/** From the end of an application's write to the end of a reader's read: through the relay, and without one. */
async function latencies(frames: number): Promise<Row[]> {
  const feed = openFrameSockets(3 * frameSize);
  const camera = openFrameSockets(3 * frameSize);
  const relayed = new WorkerRelay(
    { idleMs: 60_000, placeholderRate: 1 },
    { log: silentLogger, onEvent: () => undefined },
  );
  const frame = new Uint8Array(frameSize).fill(1);
  relayed.add({
    ...{ id: "video10", feed: feed[0], camera: camera[0], frameBytes: frameSize },
    ...{ takesRounded: false, placeholder: frame },
  });
  const [through, direct] = [[] as number[], [] as number[]];
  frame[0] = 2;
  const into = new Uint8Array(frameSize);
  for (let sent = 0; sent < frames; sent++) {
    through.push(timeOf(feed[1], camera[1], frame, into));
    await Bun.sleep(500 / relaySettings.rate);
    direct.push(timeOf(feed[0], feed[1], frame, into));
    await Bun.sleep(500 / relaySettings.rate);
  }
  await relayed.close();
  for (const fd of [...feed, ...camera]) closeSync(fd);
  return [
    row("application's write to reader's read, relayed", "ms", through),
    row("  without a relay", "ms", direct),
  ];
}

/** From the end of the relay's Worker to the next frame of the camera. */
async function restarts(times: number): Promise<Row> {
  const camera = openFrameSockets(3 * frameSize);
  const feed = openFrameSockets(3 * frameSize);
  let end: () => Promise<unknown> = () => Promise.resolve();
  const relayed = new WorkerRelay(
    { idleMs: 60_000, placeholderRate: 1 },
    {
      ...{ log: silentLogger, onEvent: () => undefined },
      startWorker(data) {
        const worker = startWorker(data);
        end = () => worker.terminate();
        return worker;
      },
    },
  );
  const frame = new Uint8Array(frameSize).fill(1);
  relayed.add({
    ...{ id: "video10", feed: feed[0], camera: camera[0], frameBytes: frameSize },
    ...{ takesRounded: false, placeholder: frame },
  });
  const into = new Uint8Array(frameSize);
  const taken: number[] = [];
  for (let time = 0; time < times; time++) {
    await Bun.sleep(steadyMs + 100);
    await end();
    while (isRead(camera[1], into)) {
      // Frames from before.
    }
    const ended = performance.now();
    while (!isRead(camera[1], into)) await Bun.sleep(1);
    taken.push(performance.now() - ended);
  }
  await relayed.close();
  for (const fd of [...feed, ...camera]) closeSync(fd);
  const within = [{ statistic: "worst", limit: mostRestart }] as const;
  return row("the relay's Worker ended, to the next frame", "ms", taken, within);
}

/** False if there is no frame yet. */
function isRead(fd: number, into: Uint8Array): boolean {
  try {
    return readSync(fd, into) > 0;
  } catch {
    return false;
  }
}

/** Writes a frame and reads until it has come, ms from the one to the other. */
function timeOf(from: number, to: number, frame: Uint8Array, into: Uint8Array): number {
  writeSync(from, frame);
  const written = performance.now();
  for (;;) {
    try {
      readSync(to, into);
      // What came first is a placeholder.
      if (into[0] === frame[0]) return performance.now() - written;
    } catch {
      // No frame yet.
    }
  }
}
