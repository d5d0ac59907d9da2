import { ChromeReader } from "../kernel/chrome-reader.ts";

/**
 * A program for the VM. It lists the cameras of a directory over and over, by the system calls of Chromium, and prints a
 * line of JSON when there is one and when there is none any more: {@link Listing}. It opens each node only to read.
 */
const [directory = "/dev"] = process.argv.slice(2);

/** Between two looks, ms. */
const PERIOD_MS = 10;

/** A change of what a browser lists. Times are ms since the epoch. */
export interface Listing {
  readonly listed: boolean;
  /** When it was seen. */
  readonly at: number;
  /** When the last look before began, which saw no change yet. */
  readonly before: number;
}

if (import.meta.main) {
  const reader = new ChromeReader(directory);
  let before = Date.now();
  let last: boolean | undefined;
  for (;;) {
    const at = Date.now();
    const listed = reader.list().length > 0;
    if (listed !== last) console.log(JSON.stringify({ listed, at, before } satisfies Listing));
    last = listed;
    before = at;
    await Bun.sleep(PERIOD_MS);
  }
}
