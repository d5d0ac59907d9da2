import { writeSync } from "node:fs";

/** Milliseconds to wait for a reader that reads nothing. */
const patienceMs = 1000;

/**
 * Writes all of `text` before it returns. `process.stdout.write` instead loses what doesn't fit into a pipe when the
 * process exits. While this waits for a slow reader, the process does nothing else, not even stop: so it gives up after
 * a second.
 * @returns false if it gave up, or the reader is gone.
 */
export function writeAllSync(fd: number, text: string): boolean {
  return writeBytesSync(fd, Buffer.from(text));
}

/** As {@link writeAllSync}, for bytes. */
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
