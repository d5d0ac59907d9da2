import { expect, test } from "bun:test";
import { closeSync, readSync, writeSync } from "node:fs";
import { PollSet, pollCalls, pollIn, pollNval } from "./poll-calls.ts";

const calls = pollCalls();

test("poll returns at once if a file can be read, and after its time if none can", () => {
  const [quiet, loud] = [calls.openEventFd(), calls.openEventFd()];
  const set = new PollSet();
  set.add(quiet);
  const started = performance.now();
  expect(calls.poll(set, 50)).toBe(0);
  expect(performance.now() - started).toBeGreaterThanOrEqual(49);
  writeSync(loud, new Uint8Array(BigUint64Array.of(3n).buffer));
  expect(set.add(loud)).toBe(1);
  expect(calls.poll(set, 60_000)).toBe(1);
  expect([set.events(0), set.events(1)]).toEqual([0, pollIn]);
  const count = new Uint8Array(8);
  readSync(loud, count);
  expect(count[0]).toBe(3);
  expect(calls.poll(set, 0)).toBe(0);
  closeSync(quiet);
  closeSync(loud);
});

test("the kernel skips -1, and says of a closed file that it is none", () => {
  const closed = calls.openEventFd();
  closeSync(closed);
  const set = new PollSet();
  set.add(-1);
  set.add(closed);
  expect(calls.poll(set, 1000)).toBe(1);
  expect([set.events(0), set.events(1)]).toEqual([0, pollNval]);
  set.clear();
  expect(calls.poll(set, 0)).toBe(0);
});

test("a set grows with its files", () => {
  const set = new PollSet();
  const fds = Array.from({ length: 40 }, () => calls.openEventFd());
  for (const fd of fds) set.add(fd);
  writeSync(fds[39] ?? -1, new Uint8Array(BigUint64Array.of(1n).buffer));
  expect(calls.poll(set, 1000)).toBe(1);
  expect(set.events(39)).toBe(pollIn);
  for (const fd of fds) closeSync(fd);
});

test("the thread's CPU time grows with work, not with waiting", () => {
  const before = calls.threadCpuSeconds();
  calls.poll(new PollSet(), 100);
  const waited = calls.threadCpuSeconds() - before;
  const end = performance.now() + 100;
  while (performance.now() < end);
  expect(calls.threadCpuSeconds() - before).toBeGreaterThan(waited);
  expect(waited).toBeLessThan(0.09);
});
