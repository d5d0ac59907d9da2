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

/** Path of a socket that serves before its instance registers: no other instance waits for it. */
export function hiddenPath(path: string): string {
  return join(dirname(path), `.${basename(path)}`);
}

/** `<mark of the resource name>-<process ID>-<random>`: shows whose socket it is, and is unique over restarts. */
export function newSuffix(resourceName: string, pid: number, random: number): string {
  return `${resourceMark(resourceName)}-${pid}-${Math.floor(random * 36 ** 8)
    .toString(36)
    .padStart(8, "0")}`;
}

/** Six hexadecimal digits that differ between the few resource names of a node: a CRC, cut to what a path has room for. */
function resourceMark(resourceName: string): string {
  return (Bun.hash.crc32(resourceName) & 0xff_ff_ff).toString(16).padStart(6, "0");
}

/** The form of {@link newSuffix}, without and with the mark: the name of another plugin's socket may begin the same way. */
const unmarked = /^\d+-[0-9a-z]{8}$/;
const marked = /^[0-9a-f]{6}-\d+-[0-9a-z]{8}$/;

/** True if a file has the name of an instance's socket, of whatever resource: today's form, or that of older plugins. */
export function isInstanceSocket(socketPath: string, name: string): boolean {
  if (isUnmarked(socketPath, name)) return true;
  const suffix = suffixOf(socketPath, name);
  return suffix !== undefined && marked.test(suffix);
}

/** True if the name is one that older plugins used, which does not show the resource: it may be ours. */
function isUnmarked(socketPath: string, name: string): boolean {
  if (name === basename(socketPath)) return true;
  const suffix = suffixOf(socketPath, name);
  return suffix !== undefined && unmarked.test(suffix);
}

/** True if the name is that of an instance of the resource, whatever its configured path is. */
function isOfResource(name: string, resourceName: string): boolean {
  const stem = basename(name, extname(name));
  const [suffix = ""] = /[0-9a-f]{6}-\d+-[0-9a-z]{8}$/.exec(stem) ?? [];
  return suffix.startsWith(`${resourceMark(resourceName)}-`);
}

function suffixOf(socketPath: string, name: string): string | undefined {
  const extension = extname(socketPath);
  const stem = `${basename(socketPath, extension)}-`;
  if (!name.startsWith(stem) || !name.endsWith(extension)) return undefined;
  return name.slice(stem.length, name.length - extension.length);
}

/** Sockets of other instances on which a process listens. */
export interface OtherInstances {
  /** Paths of those that serve the same resource. */
  readonly same: string[];
  /** Paths of those of older plugins: their names don't say which resource they serve. */
  readonly unmarked: string[];
}

/** Finds the instances that serve the resource, or may; none if the directory can't be read. */
export async function findOtherInstances(
  socketPath: string,
  resourceName: string,
): Promise<OtherInstances> {
  const others: OtherInstances = { same: [], unmarked: [] };
  for (const name of socketNames(dirname(socketPath))) {
    if (name.startsWith(".")) continue;
    const path = join(dirname(socketPath), name);
    const kind = isUnmarked(socketPath, name)
      ? "unmarked"
      : isOfResource(name, resourceName)
        ? "same"
        : undefined;
    if (kind !== undefined && (await isListening(path))) others[kind].push(path);
  }
  return others;
}

/** Paths of the hidden sockets ({@link hiddenPath}) on which standbys of the resource serve. */
export async function findStandbys(socketPath: string, resourceName: string): Promise<string[]> {
  const directory = dirname(socketPath);
  const paths = socketNames(directory)
    .filter((name) => name.startsWith(".") && isOfResource(name, resourceName))
    .map((name) => join(directory, name));
  const serving = await Promise.all(paths.map((path) => isListening(path)));
  return paths.filter((_, index) => serving[index]);
}

function socketNames(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isSocket()).map(({ name }) => name);
  } catch {
    return [];
  }
}

export interface SocketSweep {
  /** Removed: no process listened on them. */
  readonly stale: string[];
  /** Left alone: another instance serves the same resource on them, or may. */
  readonly live: string[];
}

/** Removes the sockets of instances that have ended ({@link isInstanceSocket}); leaves those that are listened on. */
export async function sweepSockets(socketPath: string, resourceName: string): Promise<SocketSweep> {
  const directory = dirname(socketPath);
  const sweep: SocketSweep = { stale: [], live: [] };
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const isHidden = entry.name.startsWith(".");
    const name = isHidden ? entry.name.slice(1) : entry.name;
    if (!entry.isSocket() || !isInstanceSocket(socketPath, name)) continue;
    const identity = fileIdentity(path);
    if (await isListening(path)) {
      if (isHidden) continue;
      if (isUnmarked(socketPath, entry.name) || isOfResource(entry.name, resourceName)) {
        sweep.live.push(path);
      }
    } else if (identity !== undefined && fileIdentity(path) === identity) {
      unlinkSync(path);
      sweep.stale.push(path);
    }
  }
  return sweep;
}
