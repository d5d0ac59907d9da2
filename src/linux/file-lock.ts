import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { ensureDirectory } from "../common/files.ts";
import type { LinuxCalls } from "./linux-calls.ts";

/**
 * A file that at most one process has locked (flock(2)), with a note that its holder may leave. The kernel releases the
 * lock when its holder ends, however it ends. Its holders have to see the same file: it can't be on a mount of one
 * container alone.
 */
export class FileLock {
  readonly path: string;
  readonly #calls: Pick<LinuxCalls, "lockFile">;
  #fd: number | undefined;
  #isHeld = false;

  constructor(path: string, calls: Pick<LinuxCalls, "lockFile">) {
    this.path = path;
    this.#calls = calls;
  }

  /** True if this object has the lock. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /**
   * Tries to take the lock, without waiting; creates the file and its directory.
   *
   * @returns true if this object has the lock, false if another one has.
   * @throws the error of `node:fs`; ErrnoError; PluginError `ffi_unavailable`.
   */
  tryLock(): boolean {
    if (this.#isHeld) return true;
    this.#fd ??= open(this.path);
    if (!this.#calls.lockFile(this.#fd)) return false;
    // A file that was removed or replaced meanwhile is not the one that others find.
    if (!isAt(this.path, this.#fd)) {
      this.release();
      return false;
    }
    this.#isHeld = true;
    return true;
  }

  /** Returns the note that the last holder left, and empties the file. Only for the holder. @throws as `node:fs`. */
  takeNote(): string {
    if (this.#fd === undefined || !this.#isHeld) return "";
    const note = readFileSync(this.#fd, "utf8");
    ftruncateSync(this.#fd);
    return note;
  }

  /** Leaves a note for the next holder. Only for the holder. @throws as `node:fs`. */
  leaveNote(note: string): void {
    if (this.#fd === undefined || !this.#isHeld) return;
    ftruncateSync(this.#fd);
    writeSync(this.#fd, note, 0);
  }

  /** Releases the lock, if this object has it. The file stays: a removed one could be locked by two processes. */
  release(): void {
    this.#isHeld = false;
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function open(path: string): number {
  ensureDirectory(dirname(path));
  return openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
}

function isAt(path: string, fd: number): boolean {
  const [found, held] = [statSync(path, { throwIfNoEntry: false }), fstatSync(fd)];
  return found?.ino === held.ino && found.dev === held.dev;
}
