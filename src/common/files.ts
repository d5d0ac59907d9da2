import { mkdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Text of a small file, of /proc and /sys for example, trimmed; undefined if there is none or it can't be read. */
export function readSmallFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}

/**
 * Text of a file; undefined if there is none.
 *
 * @throws the error of `node:fs`; Error if it is no regular file (reading a FIFO would wait forever), or is larger than
 * `maxBytes`.
 */
export function readFileIfPresent(path: string, maxBytes: number): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isFile()) throw new Error("it is not a regular file");
  if (stat.size > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`);
  return readFileSync(path, "utf8");
}

/**
 * Replaces a file, so that a reader finds either the old or the new one whole, even after a crash. Until it is
 * complete, the new one has a hidden name, which is random: another instance may write the same file, and in another
 * container it may have the same PID.
 *
 * @param mode Permission bits of the file, whatever the umask.
 * @throws the error of `node:fs`; the old file is unchanged then.
 */
export async function replaceFile(path: string, text: string, mode = 0o600): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.${crypto.randomUUID().slice(0, 8)}.tmp`);
  try {
    const file = await open(draft, "w", mode);
    try {
      await file.chmod(mode);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Creates a directory with mode 0700 unless there is one, and those above it. */
export function ensureDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/** Renames a file; false if that fails. */
export function moveAside(path: string, to: string): boolean {
  try {
    renameSync(path, to);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes a rename survive a power cut (fsync(2), "Calling fsync() does not necessarily ensure…"). The rename has
 * succeeded, so this reports no failure: some file systems can't sync directories.
 */
async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await open(path, "r");
    await directory.sync().finally(() => directory.close());
  } catch {
    // The file's content was synced before.
  }
}
