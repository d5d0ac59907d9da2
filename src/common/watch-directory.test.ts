import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../../test/support/eventually.ts";
import type { Clock } from "../common/clock.ts";
import { watchDirectory } from "./watch-directory.ts";

let dir: string;
let abort: AbortController;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "watch-"));
  abort = new AbortController();
});
afterEach(() => {
  abort.abort();
  rmSync(dir, { recursive: true, force: true });
});

/** Looks after the directory every 20 ms. */
const hasty: Clock = {
  now: () => Date.now(),
  sleep: (_, signal) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, 20);
      signal?.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    }),
};

function count(path: string): () => number {
  let notified = 0;
  const isVideo = (name: string) => name.startsWith("video");
  watchDirectory(path, isVideo, () => notified++, abort.signal, hasty);
  return () => notified;
}

test("many events at once cause one notification", async () => {
  const notified = count(dir);
  for (let n = 0; n < 20; n++) writeFileSync(join(dir, `video${n}`), "");
  await eventually(() => notified() > 0, "a notification");
  await Bun.sleep(150);
  // 20 files cause 60 events, which a thread of Bun delivers in one portion or in a few.
  expect(notified()).toBeLessThan(10);
});

test("names that don't match cause no notification", async () => {
  const notified = count(dir);
  writeFileSync(join(dir, "tty7"), "");
  await Bun.sleep(120);
  expect(notified()).toBe(0);
});

test("a directory that is created later is watched, with a notification of what was missed", async () => {
  const later = join(dir, "later");
  const notified = count(later);
  mkdirSync(later);
  await eventually(() => notified() > 0, "the notification of what was missed");
  expect(notified()).toBe(1);
  writeFileSync(join(later, "video1"), "");
  await eventually(() => notified() > 1, "the notification of the file");
});

test.each([
  ["at once, with ext4 the inode number too,", 0],
  ["after a while", 150],
])("a directory that was replaced %s is watched again", async (_, awayMs) => {
  const path = join(dir, "replaced");
  mkdirSync(path);
  const notified = count(path);
  rmSync(path, { recursive: true });
  await Bun.sleep(awayMs);
  mkdirSync(path);
  await eventually(() => notified() > 0, "the notification of what was missed");
  await Bun.sleep(100);
  const before = notified();
  writeFileSync(join(path, "video1"), "");
  await eventually(() => notified() > before, "the notification of the file");
});
