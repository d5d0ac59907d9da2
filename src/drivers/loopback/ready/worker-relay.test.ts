import { afterEach, expect, test } from "bun:test";
import { Worker } from "node:worker_threads";
import { eventually } from "../../../../test/support/eventually.ts";
import { FrameSockets } from "../../../../test/support/frame-sockets.ts";
import { ManualClock } from "../../../../test/support/manual-clock.ts";
import { recordingLogger } from "../../../../test/support/recording-logger.ts";
import type { RelayEvent } from "./relay.ts";
import { startWorker, WorkerRelay } from "./worker-relay.ts";

const frameBytes = 3000;
const started: WorkerRelay[] = [];

afterEach(async () => {
  for (const relay of started.splice(0)) await relay.close();
});

function make(settings: { idleMs?: number; placeholderRate?: number } = {}) {
  const events: RelayEvent[] = [];
  const log = recordingLogger();
  const workers: Worker[] = [];
  const relay = new WorkerRelay(
    { idleMs: settings.idleMs ?? 60_000, placeholderRate: settings.placeholderRate ?? 1 },
    {
      log,
      onEvent: (event) => events.push(event),
      startWorker(data) {
        const worker = startWorker(data);
        workers.push(worker);
        return worker;
      },
    },
  );
  started.push(relay);
  /** Ends the Worker from outside, as a crash of its thread does. */
  const kill = () => void workers.at(-1)?.terminate();
  return { relay, events, log, kill };
}

const filled = (value: number, bytes = frameBytes) => new Uint8Array(bytes).fill(value);

function addPair(relay: WorkerRelay, id: string, placeholder = 1) {
  const [feed, camera] = [new FrameSockets(), new FrameSockets()];
  relay.add({
    ...{ id, frameBytes, feed: feed.device, camera: camera.device },
    takesRounded: false,
    placeholder: filled(placeholder),
  });
  const seen: number[] = [];
  const sees = (value: number, what: string) =>
    eventually(() => {
      for (const frame of camera.read())
        seen.push(frame.length === frameBytes ? (frame[0] ?? -1) : -2);
      return seen.includes(value);
    }, what);
  return { feed, camera, seen, sees };
}

test("a camera shows its placeholder at once, then the application's frames, then the placeholder", async () => {
  const { relay, events } = make({ idleMs: 200, placeholderRate: 10 });
  const { feed, sees, seen } = addPair(relay, "video10", 1);
  await sees(1, "the placeholder");
  feed.write(filled(7));
  await sees(7, "the application's frame");
  seen.length = 0;
  await sees(1, "the placeholder again");
  await eventually(() => events.length === 2, "both events");
  expect(events).toEqual([
    { id: "video10", kind: "application" },
    { id: "video10", kind: "placeholder" },
  ]);
  const report = relay.report();
  expect(report).toMatchObject({ isRunning: true, restarts: 0 });
  expect(report.cpuSeconds).toBeGreaterThan(0);
  const camera = report.cameras.get("video10");
  expect(camera).toMatchObject({
    ...{ picture: "placeholder", applicationFrames: 1, droppedFrames: 0, problem: "" },
  });
  expect(camera?.placeholderFrames).toBeGreaterThan(1);
  expect(camera?.maxRelaySeconds).toBeGreaterThan(0);
});

test("each camera has a placeholder of its own, and gets a new one at once", async () => {
  const { relay } = make();
  const cameras = [2, 3, 4].map((value) => addPair(relay, `video${value}`, value));
  for (const [index, camera] of cameras.entries()) {
    await camera.sees(index + 2, "its own placeholder");
    expect(camera.seen).toEqual([index + 2]);
  }
  relay.setPlaceholder("video3", filled(9));
  relay.setPlaceholder("video200", filled(9));
  await cameras[1]?.sees(9, "the new placeholder");
  expect(cameras[2]?.camera.read()).toEqual([]);
});

test("after remove has resolved, the relay uses neither of the files", async () => {
  const { relay } = make({ placeholderRate: 100 });
  const first = addPair(relay, "video1");
  const other = addPair(relay, "video2");
  await first.sees(1, "the placeholder");
  await relay.remove("video1");
  first.camera.read();
  first.feed.write(filled(7));
  // The other pair is relayed by the same loop, so a round of it is a round of the first one.
  other.feed.write(filled(8));
  await other.sees(8, "the other camera's frame");
  expect(first.camera.read()).toEqual([]);
  expect([...relay.report().cameras.keys()]).toEqual(["video2"]);
  await relay.remove("video1");
});

test("a removed camera's counts go on when it is added again, and start with the placeholder", async () => {
  const { relay } = make();
  const { feed, sees } = addPair(relay, "video1");
  feed.write(filled(7));
  await sees(7, "the frame");
  await relay.remove("video1");
  expect(relay.report().cameras.get("video1")).toBeUndefined();
  const again = addPair(relay, "video1");
  await again.sees(1, "the placeholder");
  expect(relay.report().cameras.get("video1")).toMatchObject({
    ...{ picture: "placeholder", applicationFrames: 1 },
  });
});

test("frames of a wrong size are dropped, and reported once", async () => {
  const { relay, events } = make();
  const { feed, camera, sees } = addPair(relay, "video1");
  await sees(1, "the placeholder");
  for (let count = 0; count < 5; count++) feed.write(filled(5, 100));
  await eventually(() => relay.report().cameras.get("video1")?.droppedFrames === 5, "5 drops");
  expect(camera.read()).toEqual([]);
  feed.write(filled(6));
  await sees(6, "the right frame");
  await eventually(() => events.length >= 2, "the events");
  expect(events).toEqual([
    { id: "video1", kind: "wrong_size", bytes: 100 },
    { id: "video1", kind: "application" },
  ]);
});

test("a Worker that dies is back, with the same files and counts", async () => {
  const { relay, log, kill } = make();
  const { feed, sees, seen } = addPair(relay, "video1");
  feed.write(filled(7));
  await sees(7, "a frame");
  // The Worker counts a frame after it has written it.
  const picture = () => relay.report().cameras.get("video1")?.picture;
  await eventually(() => picture() === "application", "the count");
  seen.length = 0;
  kill();
  await eventually(() => relay.report().restarts === 1, "the restart");
  feed.write(filled(8));
  await sees(8, "a frame after the restart");
  // The application writes, so there was no placeholder in between.
  expect(seen).toEqual([8]);
  expect(relay.report()).toMatchObject({ isRunning: true, restarts: 1 });
  expect(relay.report().cameras.get("video1")?.applicationFrames).toBe(2);
  expect(log.lines.map(({ msg }) => msg)).toEqual(["Relay ended"]);
});

test("remove resolves also if the Worker ends meanwhile", async () => {
  const { relay, kill } = make();
  const { sees } = addPair(relay, "video1");
  await sees(1, "the placeholder");
  kill();
  await relay.remove("video1");
  expect(relay.report().cameras.size).toBe(0);
});

test("a feed whose writer is gone doesn't have the relay spin", async () => {
  const { relay } = make();
  const broken = addPair(relay, "video1");
  const other = addPair(relay, "video2");
  await broken.sees(1, "the placeholder");
  const before = relay.report().cpuSeconds;
  broken.feed.closeOwn();
  const from = performance.now();
  for (let frame = 0; frame < 20; frame++) {
    other.feed.write(filled(100 + frame));
    await other.sees(100 + frame, "the other camera's frames");
  }
  const share = (relay.report().cpuSeconds - before) / ((performance.now() - from) / 1000);
  expect(share).toBeLessThan(0.5);
});

test("close may come before the first pair, and twice", async () => {
  const { relay } = make();
  await relay.close();
  await relay.close();
  expect(relay.report()).toMatchObject({ isRunning: false, restarts: 0, cpuSeconds: 0 });
});

test("a hung Worker is seen, ended, and started again", async () => {
  const clock = new ManualClock();
  const log = recordingLogger();
  let workers = 0;
  const relay = new WorkerRelay(
    { idleMs: 1000, placeholderRate: 1 },
    {
      ...{ log, clock, onEvent: () => undefined },
      startWorker(data) {
        if (++workers > 1) return startWorker(data);
        const waits =
          "const cell = new Int32Array(new SharedArrayBuffer(4)); for (;;) Atomics.wait(cell, 0, 0, 20);";
        return new Worker(waits, { eval: true });
      },
    },
  );
  started.push(relay);
  const { sees } = addPair(relay, "video1");
  for (let second = 0; second < 9; second++) await clock.advance(1000);
  expect(relay.report().isRunning).toBe(true);
  for (let second = 0; second < 3; second++) await clock.advance(1000);
  expect(log.lines[0]?.msg).toBe("Relay hangs");
  await eventually(() => relay.report().restarts === 1, "its end");
  await clock.advance(100);
  await sees(1, "the placeholder");
  expect(relay.report()).toMatchObject({ isRunning: true, restarts: 1 });
});
