import { readdirSync, unlinkSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { fileIdentity, isListening } from "../common/unix-socket.ts";
import type { KubeletSocketState } from "./registration.ts";

/** What can be seen of the kubelet's socket. Connects, and hangs up at once. */
export async function probeKubeletSocket(path: string): Promise<KubeletSocketState> {
  const identity = fileIdentity(path);
  if (identity === undefined) return { state: "absent", identity };
  return { state: (await isListening(path)) ? "accepting" : "refusing", identity };
}

/**
 * A socket path of this instance's own: `video-device-plugin.sock` becomes
 * `video-device-plugin-<suffix>.sock`. Two instances at one path would unlink each other's socket, and
 * kubelets from 1.37 tell plugin instances apart by it.
 */
export function instanceSocketPath(socketPath: string, suffix: string): string {
  const extension = extname(socketPath);
  return join(dirname(socketPath), `${basename(socketPath, extension)}-${suffix}${extension}`);
}

/** `<process id>-<random>`: for people who look at the directory, and unique over restarts. */
export function newSuffix(pid: number, random: number): string {
  return `${pid}-${Math.floor(random * 36 ** 8)
    .toString(36)
    .padStart(8, "0")}`;
}

/** Whether a file's name is that of some instance's socket, or of the original plugin's. */
export function isInstanceSocket(socketPath: string, name: string): boolean {
  const extension = extname(socketPath);
  const stem = `${basename(socketPath, extension)}-`;
  if (name === basename(socketPath)) return true;
  if (!name.startsWith(stem) || !name.endsWith(extension)) return false;
  // As newSuffix makes them: another plugin's socket may begin with the same letters.
  return /^\d+-[0-9a-z]{8}$/.test(name.slice(stem.length, name.length - extension.length));
}

export interface SocketSweep {
  /** Removed: nobody listened. */
  readonly stale: string[];
  /** Left alone: another instance serves there. */
  readonly live: string[];
}

/**
 * Removes the sockets that dead instances left in the directory (and the original plugin's, at the
 * configured path itself), leaving every socket on which somebody listens.
 */
export async function sweepSockets(socketPath: string): Promise<SocketSweep> {
  const directory = dirname(socketPath);
  const sweep: SocketSweep = { stale: [], live: [] };
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (!entry.isSocket() || !isInstanceSocket(socketPath, entry.name)) continue;
    const identity = fileIdentity(path);
    if (await isListening(path)) {
      sweep.live.push(path);
    } else if (identity !== undefined && fileIdentity(path) === identity) {
      unlinkSync(path);
      sweep.stale.push(path);
    }
  }
  return sweep;
}
