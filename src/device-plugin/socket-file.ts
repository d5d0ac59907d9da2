import { readdirSync, unlinkSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { fileIdentity, isListening } from "../common/unix-socket.ts";
import type { KubeletSocketState } from "./registration.ts";

/** Reads the state of the kubelet's socket: connects to it and closes the connection at once. */
export async function probeKubeletSocket(path: string): Promise<KubeletSocketState> {
  const identity = fileIdentity(path);
  if (identity === undefined) return { state: "absent", identity };
  return { state: (await isListening(path)) ? "accepting" : "refusing", identity };
}

/**
 * Path of a socket of this instance only: `video-device-plugin.sock` becomes `video-device-plugin-<suffix>.sock`.
 * Two instances at one path would unlink each other's socket, and kubelets from 1.37 identify a plugin instance by
 * its path.
 */
export function instanceSocketPath(socketPath: string, suffix: string): string {
  const extension = extname(socketPath);
  return join(dirname(socketPath), `${basename(socketPath, extension)}-${suffix}${extension}`);
}

/** `<process ID>-<random>`: readable in a listing of the directory, and unique over restarts. */
export function newSuffix(pid: number, random: number): string {
  return `${pid}-${Math.floor(random * 36 ** 8)
    .toString(36)
    .padStart(8, "0")}`;
}

/** True if a file has the name of an instance's socket, or the configured name itself, which older plugins used. */
export function isInstanceSocket(socketPath: string, name: string): boolean {
  const extension = extname(socketPath);
  const stem = `${basename(socketPath, extension)}-`;
  if (name === basename(socketPath)) return true;
  if (!name.startsWith(stem) || !name.endsWith(extension)) return false;
  // The form of newSuffix: the name of another plugin's socket may begin with the same letters.
  return /^\d+-[0-9a-z]{8}$/.test(name.slice(stem.length, name.length - extension.length));
}

export interface SocketSweep {
  /** Removed: no process listened on them. */
  readonly stale: string[];
  /** Left alone: another instance serves on them. */
  readonly live: string[];
}

/** Removes the sockets of instances that have ended ({@link isInstanceSocket}); leaves those that are listened on. */
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
