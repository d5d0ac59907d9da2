import { type BigIntStats, statSync } from "node:fs";
import { connect } from "node:net";

/**
 * Identifies a file beyond its path and inode number, which the next file may get again; undefined if
 * there is none, or none that this process may see. Birth time rather than change time, so that a chmod or a
 * relabelling does not look like a new kubelet.
 */
export function fileIdentity(path: string): string | undefined {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat && identityOf(stat);
  } catch {
    // EACCES, ENOTDIR: who may not look can't know, and looks again later.
    return undefined;
  }
}

/** The identity of a file with such a stat. */
export function identityOf(
  stat: Pick<BigIntStats, "dev" | "ino" | "birthtimeNs" | "ctimeNs">,
): string {
  // File systems without birth times report 0.
  return `${stat.dev}:${stat.ino}:${stat.birthtimeNs || stat.ctimeNs}`;
}

/** What connecting to a socket says if there is nobody; anything else (ECONNRESET, EACCES) tells of somebody. */
const nobodyThere = new Set(["ECONNREFUSED", "ENOENT"]);

/** Whether somebody accepts connections on a unix socket. `timeoutMs` bounds a full backlog's wait. */
export function isListening(path: string, timeoutMs = 1000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (listening: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(listening);
    };
    const timer = setTimeout(() => done(true), timeoutMs);
    socket.once("connect", () => done(true));
    socket.once("error", ({ code }: NodeJS.ErrnoException) => done(!nobodyThere.has(code ?? "")));
  });
}
