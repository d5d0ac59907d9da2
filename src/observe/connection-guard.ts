import { readdirSync } from "node:fs";

/**
 * Connections that may be open at once. Bun's server closes one that has been idle or at its request for
 * some 12 s, however it drips, but takes as many as come, and the process's file descriptors are also what the kubelet
 * and the devices are reached by. 256 is what a node's scrapers and readers never come near.
 */
export const connectionLimit = 256;

/** How often connections are counted, ms: an attacker has that long, and nobody else notices. */
export const countEveryMs = 1000;

/**
 * When all connections are to be cut. `look` is given the process's open files, and answers whether there are more than
 * `limit` above the fewest that were ever seen, which are the program's own.
 */
export class ConnectionGuard {
  readonly #limit: number;
  #fewest = Number.POSITIVE_INFINITY;

  constructor(limit = connectionLimit) {
    this.#limit = limit;
  }

  /** @returns whether it is too many. */
  look(openFiles: number): boolean {
    this.#fewest = Math.min(this.#fewest, openFiles);
    return openFiles - this.#fewest > this.#limit;
  }
}

/** Open files of this process, proc_pid_fd(5); without end if not even those can be read for want of one more. */
export function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
