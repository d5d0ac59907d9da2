import { dlopen } from "bun:ffi";
import { closeSync, readSync, writeSync } from "node:fs";

const { symbols } = dlopen("libc.so.6", {
  socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
});

/** AF_UNIX, and SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC. */
const unix = 1;
const type = 5 | 0x800 | 0x80000;

/** A connection that keeps the boundaries of frames, as a video device does; a frame is at most some 100 kB. */
export class FrameSockets {
  /** For the program under test. */
  readonly device: number;
  readonly #own: number;

  constructor() {
    const pair = new Int32Array(2);
    if (symbols.socketpair(unix, type, 0, pair) !== 0) throw new Error("socketpair failed");
    [this.device, this.#own] = [pair[0] ?? -1, pair[1] ?? -1];
  }

  write(frame: Uint8Array): void {
    writeSync(this.#own, frame);
  }

  /** The frames that the program has written so far and that were not read yet. */
  read(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    const buffer = new Uint8Array(200_000);
    for (;;) {
      try {
        const bytes = readSync(this.#own, buffer);
        if (bytes === 0) return frames;
        frames.push(buffer.slice(0, bytes));
      } catch {
        return frames;
      }
    }
  }

  /** Closes the end that the program doesn't have: its file is in error from then on. */
  closeOwn(): void {
    closeSync(this.#own);
  }

  closeDevice(): void {
    closeSync(this.device);
  }
}
