import { closeSync, openSync, readdirSync, readFileSync, statSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";

/** A file of the archive: its bytes, or the host's file to copy them and the mode from. */
export type ArchiveFile =
  | { readonly from: string }
  | { readonly text: string; readonly mode?: number };

const S_IFCHR = 0o020000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;

/** linux/Documentation/admin-guide/devices.txt: without this node PID 1 starts with no stdout. */
const CONSOLE = { path: "dev/console", mode: S_IFCHR | 0o600, major: 5, minor: 1 };

/**
 * Writes an uncompressed initramfs in the "newc" format
 * (linux/Documentation/driver-api/early-userspace/buffer-format.rst) holding `files`, by their absolute
 * paths, the directories above them, and /dev/console. Needs neither root nor cpio(1).
 */
export function writeInitramfs(path: string, files: ReadonlyMap<string, ArchiveFile>): void {
  const archive = openSync(path, "w");
  try {
    let inode = 0;
    const add = (entry: Entry) => writeEntry(archive, ++inode, entry);
    for (const directory of directoriesOf([...files.keys(), "/dev/console"])) {
      add({ path: directory, mode: S_IFDIR | 0o755 });
    }
    add(CONSOLE);
    for (const [name, file] of files) {
      const mode = "from" in file ? statSync(file.from).mode & 0o777 : (file.mode ?? 0o644);
      const data = "from" in file ? readFileSync(file.from) : Buffer.from(file.text);
      add({ path: name.slice(1), mode: S_IFREG | mode, data });
    }
    add({ path: "TRAILER!!!", mode: 0 });
  } finally {
    closeSync(archive);
  }
}

/** The files below a host's directory, by the absolute path they get under `root`. */
export function filesUnder(directory: string, root: string): Map<string, ArchiveFile> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return new Map(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((from) => [join(root, from.slice(directory.length)), { from }]),
  );
}

interface Entry {
  readonly path: string;
  readonly mode: number;
  readonly data?: Uint8Array;
  readonly major?: number;
  readonly minor?: number;
}

function writeEntry(archive: number, inode: number, entry: Entry): void {
  const name = Buffer.from(`${entry.path}\0`);
  const data = entry.data ?? new Uint8Array();
  const numbers = [
    ...[inode, entry.mode, 0, 0, 1, 0, data.length, 0, 0],
    ...[entry.major ?? 0, entry.minor ?? 0, name.length, 0],
  ];
  const header = `070701${numbers.map((number) => number.toString(16).padStart(8, "0")).join("")}`;
  writeAll(archive, padded(Buffer.concat([Buffer.from(header), name])));
  writeAll(archive, data);
  writeAll(archive, new Uint8Array(-data.length & 3));
}

function padded(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, new Uint8Array(-bytes.length & 3)]);
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}

/** Parents before children: the kernel's unpacker makes no directory by itself. */
function directoriesOf(paths: Iterable<string>): string[] {
  const directories = new Set<string>();
  for (const path of paths) {
    for (let up = dirname(path); up !== "/"; up = dirname(up)) directories.add(up.slice(1));
  }
  return [...directories].sort();
}
