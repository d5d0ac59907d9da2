import { renameSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileIdentity } from "./unix-socket.ts";

/**
 * A name beside `path` to bind a listener to, before {@link BoundSocket} renames it to `path`. When Bun closes a
 * listener, it unlinks the name that the listener was bound to, even if that is another process's file by then.
 */
export function bindingName(path: string): string {
  return join(dirname(path), `.${crypto.randomUUID().slice(0, 4)}`);
}

/** The file of a socket on which this process listens. */
export class BoundSocket {
  #path: string;
  #identity: string | undefined;

  /**
   * Renames the socket from `name` to `path`, and replaces what is there. Its mode must be set before.
   * @throws Error of rename(2); the socket is still at `name`.
   */
  constructor(name: string, path: string) {
    renameSync(name, path);
    this.#path = path;
    this.#identity = fileIdentity(path);
  }

  /** Renames the socket again. @throws Error of rename(2); the socket is still at its path. */
  moveTo(path: string): void {
    renameSync(this.#path, path);
    this.#path = path;
    this.#identity = fileIdentity(path);
  }

  /** False if the file was removed or replaced. */
  isReachable(): boolean {
    return this.#identity !== undefined && fileIdentity(this.#path) === this.#identity;
  }

  /** Removes the file, unless it was replaced. If that fails, a client that dials it is refused. */
  remove(): void {
    if (!this.isReachable()) return;
    try {
      unlinkSync(this.#path);
    } catch {
      // Another process has just removed it, or the directory is read-only.
    }
  }
}
