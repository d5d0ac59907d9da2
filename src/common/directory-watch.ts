import { type FSWatcher, statSync, watch } from "node:fs";

/**
 * inotify on a directory as a hint. A watch on a directory that was removed and made anew stays silent
 * for ever without an error, so `rearm` has to be called now and then: it compares inodes.
 */
export class DirectoryWatch {
  readonly #directory: string;
  readonly #onEvent: (name: string) => void;
  #watcher: FSWatcher | undefined;
  #inode: bigint | undefined;

  /** `onEvent` gets the entry's name; it may be called several times or not at all for one change. */
  constructor(directory: string, onEvent: (name: string) => void) {
    this.#directory = directory;
    this.#onEvent = onEvent;
    this.rearm();
  }

  /** Starts, restarts or keeps the watch; a missing directory or exhausted inotify is tolerated. */
  rearm(): void {
    const inode = statSync(this.#directory, { bigint: true, throwIfNoEntry: false })?.ino;
    if (inode === this.#inode && this.#watcher !== undefined) return;
    this.close();
    if (inode === undefined) return;
    try {
      this.#watcher = watch(this.#directory, (_event, name) => this.#onEvent(name ?? ""));
      this.#watcher.on("error", () => this.close());
      this.#inode = inode;
    } catch {
      // ENOSPC or EMFILE: no inotify instances left. Whoever relies on the timer loses only speed.
    }
  }

  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#inode = undefined;
  }
}
