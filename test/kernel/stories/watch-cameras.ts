import { basename } from "node:path";
import { ChromeReader } from "../chrome-reader.ts";

/** Between two looks, ms. */
const PAUSE_MS = 5;

/** Milliseconds from the last look that found a camera to the next one that did; no entry for one that each look found. */
export type Gaps = Readonly<Record<string, number>>;

/**
 * Lists the cameras again and again, as a program of its own (../guest.ts): `watch-cameras DIRECTORY CAMERA…`. Prints `watching`
 * after the first look; when its input has ended and all cameras are listed, {@link Gaps} as a line of JSON.
 */
export async function main([directory = "", ...cameras]: readonly string[]) {
  const browser = new ChromeReader(directory);
  const gaps: Record<string, number> = {};
  const found = new Map<string, number>();
  const missing = new Set<string>();
  let isOver = false;
  let isWatching = false;
  void Bun.stdin.text().then(() => {
    isOver = true;
  });
  do {
    const listed = browser.list().map(({ path }) => basename(path));
    const now = performance.now();
    for (const camera of cameras) {
      if (!listed.includes(camera)) {
        missing.add(camera);
        continue;
      }
      const gapMs = Math.round(now - (found.get(camera) ?? now));
      if (missing.delete(camera)) gaps[camera] = Math.max(gaps[camera] ?? 0, gapMs);
      found.set(camera, now);
    }
    if (!isWatching) console.log("watching");
    isWatching = true;
    await Bun.sleep(PAUSE_MS);
  } while (!isOver || missing.size > 0);
  console.log(JSON.stringify(gaps));
  return 0;
}
