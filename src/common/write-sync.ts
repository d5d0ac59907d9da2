import { writeSync } from "node:fs";

/** How long a reader that takes nothing is waited for, ms. */
const patienceMs = 1000;

/**
 * Writes all of `text` before it returns. `process.stdout.write` loses what a full pipe has not taken when
 * the process exits. What a reader doesn't take within a second is given up, since nothing else, not even
 * a stop, happens while this waits; false then, or if the reader is gone.
 */
export function writeAllSync(fd: number, text: string): boolean {
  return writeBytesSync(fd, Buffer.from(text));
}

/** Writes all of `bytes` as {@link writeAllSync} does. */
export function writeBytesSync(fd: number, bytes: Uint8Array): boolean {
  const deadline = performance.now() + patienceMs;
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") return false;
      if (code !== "EAGAIN") throw error;
      if (performance.now() > deadline) return false;
      Bun.sleepSync(1);
    }
  }
  return true;
}
