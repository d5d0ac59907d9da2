import { existsSync, readdirSync, readFileSync } from "node:fs";

/**
 * Connections that may be open at once. Bun's server closes one that has been idle or at its request for
 * some 12 s, however it drips, but takes as many as come, and the process's file descriptors are also what the kubelet
 * and the devices are reached by. 256 is what a node's scrapers and readers never come near.
 */
export const connectionLimit = 256;

/** How often connections are counted, ms: an attacker has that long, and nobody else notices. */
export const countEveryMs = 1000;

/**
 * When all connections are to be cut. A look at the process's open files is cheap and tells that all is well: there are
 * no more than `limit` above the fewest that were ever seen, which are the program's own. If there are, they
 * may be somebody else's (the admin socket has no limit, who is root needs none), so that connections are counted.
 */
export class ConnectionGuard {
  readonly #limit: number;
  #fewest = Number.POSITIVE_INFINITY;

  constructor(limit = connectionLimit) {
    this.#limit = limit;
  }

  /** @returns whether there are too many connections, which are counted only if `openFiles` gives reason to. */
  look(openFiles: number, connections: () => number): boolean {
    this.#fewest = Math.min(this.#fewest, openFiles);
    return openFiles - this.#fewest > this.#limit && connections() > this.#limit;
  }
}

/** Open files of this process, proc_pid_fd(5); Infinity if that can't be read because no descriptor is left. */
export function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** proc_net_tcp: a socket that only listens. */
const listening = "0A";

/**
 * Connections to a TCP port of this process, as proc_pid_net(5) lists them; Infinity if that can't be read. One that has
 * no inode is the kernel's alone and costs us nothing.
 */
export function connectionsTo(port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  try {
    return ["/proc/self/net/tcp", "/proc/self/net/tcp6"]
      .filter(existsSync) // no IPv6, no table of it
      .flatMap((table) => readFileSync(table, "utf8").split("\n").slice(1))
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state, , , , , , inode]) => {
        return local?.endsWith(suffix) && state !== listening && inode !== "0";
      }).length;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
