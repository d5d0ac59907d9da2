import { expect, test } from "bun:test";
import { type PollSet, pollErr, pollIn } from "../../../linux/poll-calls.ts";
import { diffFrames } from "./frame-patch.ts";
import type { RelayEvent } from "./relay.ts";
import { RelayCounters } from "./relay-counters.ts";
import { RelayLoop } from "./relay-loop.ts";

const frameBytes = 6000;
const wake = 99;
const filled = (value: number, bytes = frameBytes) => new Uint8Array(bytes).fill(value);

/** A machine on which a poll that finds nothing takes all of its time, and a feed has the frames that a test puts in. */
function makeMachine(idleMs = 1000, placeholderRate = 5) {
  let now = 0;
  const feeds = new Map<number, (Uint8Array | "error" | "empty")[]>();
  const written: { at: number; fd: number; value: number }[] = [];
  const events: (RelayEvent & { at: number })[] = [];
  let reads = 0;
  let polls = 0;
  let refuses = false;
  const counters = new RelayCounters(RelayCounters.memory());
  const fdAt = (set: PollSet, place: number) =>
    new DataView(set.bytes.buffer).getInt32(place * 8, true);
  const setEvents = (set: PollSet, place: number, value: number) =>
    new DataView(set.bytes.buffer).setInt16(place * 8 + 6, value, true);
  const loop = new RelayLoop(
    { idleMs, placeholderRate },
    {
      files: {
        poll(set, timeoutMs) {
          polls++;
          let ready = 0;
          for (let place = 0; place < set.size; place++) {
            const next = feeds.get(fdAt(set, place))?.[0];
            setEvents(set, place, next === undefined ? 0 : next === "error" ? pollErr : pollIn);
            if (next !== undefined) ready++;
          }
          if (ready === 0) now += timeoutMs;
          return ready;
        },
        read(fd, into) {
          reads++;
          const frame = feeds.get(fd)?.shift();
          if (frame === undefined || frame === "empty") return "none";
          if (frame === "error") return "failed";
          into.set(frame.subarray(0, into.length));
          return Math.min(frame.length, into.length);
        },
        write(fd, frame) {
          if (refuses) return false;
          expect(frame.length).toBe(frameBytes);
          written.push({ at: now, fd, value: frame[0] ?? -1 });
          return true;
        },
      },
      counters,
      now: () => now,
      emit: (event) => events.push({ ...event, at: now }),
    },
  );
  const base = filled(1);
  const parts = (value: number) => ({ base, patch: diffFrames(base, filled(value)) });
  return {
    ...{ loop, feeds, written, events, counters, parts },
    add(number: number, options: { takesRounded?: boolean } = {}) {
      feeds.set(number, []);
      loop.add({
        ...{ id: `video${number}`, slot: number, feed: number, camera: 10 + number, frameBytes },
        takesRounded: options.takesRounded ?? false,
        placeholder: parts(number),
      });
    },
    runUntil(end: number) {
      while (now < end) loop.turn(wake);
    },
    refuse(value: boolean) {
      refuses = value;
    },
    counts: () => ({ reads, polls }),
  };
}

test("a silent feed's camera shows its placeholder at once, then at the placeholder's rate", () => {
  const { add, runUntil, written } = makeMachine();
  add(1);
  runUntil(1000);
  expect(written.map(({ at }) => at)).toEqual([0, 200, 400, 600, 800, 1000]);
  expect(new Set(written.map(({ value }) => value))).toEqual(new Set([1]));
});

test("the placeholder comes back after the idle time, counted from the last frame", () => {
  const { add, runUntil, written, feeds, events } = makeMachine();
  add(1);
  runUntil(400);
  feeds.get(1)?.push(filled(7));
  written.length = 0;
  runUntil(2000);
  expect(written.slice(0, 3)).toEqual([
    { at: 400, fd: 11, value: 7 },
    { at: 1400, fd: 11, value: 1 },
    { at: 1600, fd: 11, value: 1 },
  ]);
  expect(events).toEqual([
    { at: 400, id: "video1", kind: "application" },
    { at: 1400, id: "video1", kind: "placeholder" },
  ]);
});

test("frames of whole pages are taken where v4l2sink writes them, without what was added", () => {
  const { add, runUntil, written, feeds, counters } = makeMachine();
  add(1, { takesRounded: true });
  add(2);
  for (const feed of [1, 2]) feeds.get(feed)?.push(filled(7, 8192));
  runUntil(100);
  expect(written.filter(({ value }) => value === 7)).toEqual([{ at: 0, fd: 11, value: 7 }]);
  expect(counters.camera(2).droppedFrames).toBe(1);
});

test("a frame larger than a whole buffer is dropped", () => {
  const { add, runUntil, feeds, events } = makeMachine();
  add(1);
  feeds.get(1)?.push(filled(7, 50_000));
  runUntil(100);
  expect(events).toMatchObject([{ kind: "wrong_size", bytes: 2 * frameBytes }]);
});

test("10,000 tiny frames cost a hundred reads a second, and hold up no other camera", () => {
  const { add, runUntil, feeds, written, counts, counters, events } = makeMachine();
  add(1);
  add(2);
  feeds.set(
    1,
    Array.from({ length: 10_000 }, () => filled(5, 1)),
  );
  feeds.get(2)?.push(filled(7));
  runUntil(1000);
  expect(written.find(({ value }) => value === 7)?.at).toBe(0);
  expect(counts().reads).toBeLessThanOrEqual(102);
  expect(counts().polls).toBeLessThan(300);
  expect(counters.camera(1).droppedFrames).toBeGreaterThanOrEqual(99);
  expect(events.filter(({ kind }) => kind === "wrong_size")).toHaveLength(1);
});

test("an application that writes as fast as it can gets 250 frames a second", () => {
  const { add, runUntil, feeds, counters } = makeMachine();
  add(1);
  feeds.set(
    1,
    Array.from({ length: 10_000 }, () => filled(5)),
  );
  runUntil(1000);
  expect(counters.camera(1).applicationFrames).toBe(250);
});

test("right and wrong frames in turn make no flood of events", () => {
  const { add, runUntil, feeds, events } = makeMachine();
  add(1);
  feeds.set(
    1,
    Array.from({ length: 10_000 }, (_, index) => filled(5, index % 2 ? frameBytes : 1)),
  );
  runUntil(3000);
  expect(events.length).toBeLessThanOrEqual(8);
  expect(events.some(({ kind }) => kind === "wrong_size")).toBe(true);
});

test.each(["error", "empty"] as const)(
  "a feed that polls as ready and has %s does not spin",
  (kind) => {
    const { add, runUntil, feeds, counts } = makeMachine();
    add(1);
    feeds.set(
      1,
      Array.from({ length: 10_000 }, () => kind),
    );
    runUntil(1000);
    expect(counts().polls).toBeLessThan(300);
    feeds.set(1, [filled(7)]);
    runUntil(1500);
    expect(feeds.get(1)).toEqual([]);
  },
);

test("a camera that refuses frames does not spin, and shows them again afterwards", () => {
  const { add, runUntil, feeds, written, counts, refuse, counters } = makeMachine();
  add(1);
  feeds.set(
    1,
    Array.from({ length: 100 }, () => filled(7)),
  );
  refuse(true);
  runUntil(1000);
  expect(counts().polls).toBeLessThan(30);
  expect(counters.camera(1)).toMatchObject({ droppedFrames: 4, placeholderFrames: 0 });
  refuse(false);
  runUntil(1500);
  expect(written.some(({ value }) => value === 7)).toBe(true);
});

test("a new placeholder is shown at once, unless the application's frames are", () => {
  const { add, runUntil, feeds, written, loop, parts } = makeMachine();
  add(1);
  add(2);
  runUntil(20);
  feeds.get(2)?.push(filled(7));
  runUntil(210);
  written.length = 0;
  loop.setPlaceholder("video1", parts(8));
  loop.setPlaceholder("video2", parts(9));
  loop.turn(wake);
  expect(written).toMatchObject([{ fd: 11, value: 8 }]);
  runUntil(1500);
  expect(written.find(({ fd }) => fd === 12)).toMatchObject({ value: 9 });
});
