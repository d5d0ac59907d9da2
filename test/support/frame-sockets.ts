import { dlopen } from "bun:ffi";
import { closeSync, readSync, writeSync } from "node:fs";

const { symbols } = dlopen("libc.so.6", {
  socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  setsockopt: { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" },
});

/** AF_UNIX, and SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC. */
const unix = 1;
const type = 5 | 0x800 | 0x80000;

/** SOL_SOCKET and SO_SNDBUFFORCE, include/uapi/asm-generic/socket.h. */
const socketLevel = 1;
const sendBuffer = 32;

/**
 * Opens both ends of a connection that keeps the boundaries of frames, as a video device does. Frames of more than some
 * 100 kB need `queueBytes`, how much may wait to be read, and root.
 */
export function openFrameSockets(queueBytes?: number): readonly [number, number] {
  const pair = new Int32Array(2);
  if (symbols.socketpair(unix, type, 0, pair) !== 0) throw new Error("socketpair failed");
  const [one, other] = [pair[0] ?? -1, pair[1] ?? -1];
  if (queueBytes === undefined) return [one, other];
  for (const fd of [one, other]) {
    if (symbols.setsockopt(fd, socketLevel, sendBuffer, Int32Array.of(queueBytes), 4) !== 0) {
      throw new Error("a socket can't have a large buffer: run as root");
    }
  }
  return [one, other];
}

/** A connection of {@link openFrameSockets}, with one end for the program under test and one for the test. */
export class FrameSockets {
  /** For the program under test. */
  readonly device: number;
  readonly #own: number;

  constructor() {
    [this.device, this.#own] = openFrameSockets();
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
