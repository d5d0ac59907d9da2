import { existsSync, readdirSync, readFileSync } from "node:fs";

/**
 * Connections that may be open at once. Bun's server closes a connection that is idle, or has sent no whole request,
 * after some 12 s, but accepts any number. Each takes one of the file descriptors by which the plugin also reaches the
 * kubelet and the devices. A node's scrapers and readers never come near 256.
 */
export const connectionLimit = 256;

/** Milliseconds between two counts of connections: an attacker has that long, and the cost is negligible. */
export const countEveryMs = 1000;

/**
 * Decides when to cut all connections. Counting the process's open files is cheap, and enough while there are at most
 * `limit` more of them than the fewest ever counted, which are the program's own. Beyond that, the extra files may also
 * be connections to the admin socket, which has no limit since only root can open it, so HTTP connections are counted.
 */
export class ConnectionGuard {
  readonly #limit: number;
  #fewest = Number.POSITIVE_INFINITY;

  constructor(limit = connectionLimit) {
    this.#limit = limit;
  }

  /** True if there are too many connections. Counts them only if there are many open files. */
  isOverLimit(openFiles: number, connections: () => number): boolean {
    this.#fewest = Math.min(this.#fewest, openFiles);
    return openFiles - this.#fewest > this.#limit && connections() > this.#limit;
  }
}

/** Open files of this process, proc_pid_fd(5); Infinity if no descriptor is left to read that with. */
export function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** State of a socket that only listens, as proc_net_tcp writes it. */
const listening = "0A";

/**
 * Connections to a TCP port of this process, as proc_pid_net(5) lists them; Infinity if that can't be read. A connection
 * without an inode is held by the kernel alone and takes no descriptor.
 */
export function connectionsTo(port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  try {
    return ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
      .filter(existsSync) // without IPv6 there is no table of it
      .flatMap((table) => readFileSync(table, "utf8").split("\n").slice(1))
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state, , , , , , inode]) => {
        return local?.endsWith(suffix) && state !== listening && inode !== "0";
      }).length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
