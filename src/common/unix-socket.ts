import { type BigIntStats, statSync } from "node:fs";
import { connect } from "node:net";

/**
 * Identifies a file beyond its path and inode number, which the next file may get; undefined if there is none, or this
 * process may not see it. By birth time rather than change time, so that after a chmod or a relabelling of its socket
 * the kubelet doesn't look like a new one.
 */
export function fileIdentity(path: string): string | undefined {
  try {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat && identityOf(stat);
  } catch {
    // EACCES, ENOTDIR: callers try again later.
    return undefined;
  }
}

/** As {@link fileIdentity}, of a file with this stat. */
export function identityOf(
  stat: Pick<BigIntStats, "dev" | "ino" | "birthtimeNs" | "ctimeNs">,
): string {
  // File systems without birth times report 0.
  return `${stat.dev}:${stat.ino}:${stat.birthtimeNs || stat.ctimeNs}`;
}

/** Errors of connect(2) if no process listens; others (ECONNRESET, EACCES) mean that one does, or may. */
const notListening = new Set(["ECONNREFUSED", "ENOENT"]);

/** True if a process accepts connections on a unix socket, or doesn't refuse them within `timeoutMs`: a full backlog. */
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
    socket.once("error", ({ code }: NodeJS.ErrnoException) => done(!notListening.has(code ?? "")));
  });
}
