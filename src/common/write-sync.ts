import { writeSync } from "node:fs";

/**
 * Writes all of `text` before it returns. `process.stdout.write` loses what a full pipe has not taken when
 * the process exits.
 */
export function writeAllSync(fd: number, text: string): void {
  writeBytesSync(fd, Buffer.from(text));
}

/** Writes all of `bytes` before it returns. */
export function writeBytesSync(fd: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // The reader is slow: a log that blocks is better than one with holes.
      if (code === "EAGAIN") Bun.sleepSync(1);
      // The reader is gone: nobody can be told any more.
      else if (code === "EPIPE") return;
      else throw error;
    }
  }
}
