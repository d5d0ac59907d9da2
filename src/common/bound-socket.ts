import { renameSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileIdentity } from "./unix-socket.ts";

/**
 * A name beside `path` for a listener to be bound to, before {@link BoundSocket} gives it the path: Bun unlinks
 * the name it was given when it closes a listener, whoever's file that is by then.
 */
export function bindingName(path: string): string {
  return join(dirname(path), `.${crypto.randomUUID().slice(0, 4)}`);
}

/** The file of a socket on which this process listens. What is done to it, a chmod say, is to be done before. */
export class BoundSocket {
  readonly #path: string;
  readonly #identity: string | undefined;

  /**
   * Gives the socket that was bound at `name` its path, whatever is there.
   * @throws Error of rename(2); the socket is at `name` still.
   */
  constructor(name: string, path: string) {
    renameSync(name, path);
    this.#path = path;
    this.#identity = fileIdentity(path);
  }

  /** Whether its path still leads to it: it may have been removed, or hold another file. */
  isReachable(): boolean {
    return this.#identity !== undefined && fileIdentity(this.#path) === this.#identity;
  }

  /** Removes its file, never another one. One that can't be removed is left: whoever dials it finds nobody. */
  remove(): void {
    if (!this.isReachable()) return;
    try {
      unlinkSync(this.#path);
    } catch {
      // Removed in this very moment, or the directory is read-only by now.
    }
  }
}
