import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A file of a tarball. */
export interface PackedFile {
  /** Path in the tarball, relative to its one directory. */
  readonly path: string;
  /** Path of its bytes. */
  readonly source: string;
  /** The text that is packed instead. */
  readonly text?: string;
  readonly executable: boolean;
}

/**
 * Writes a `.tar.gz` with one directory. Equal files make equal bytes, for every user, time and order
 * (https://reproducible-builds.org/docs/archives/): GNU tar sorts them and writes no owner, modes come from here
 * and not from the umask, and Bun's gzip, pinned with Bun, writes no time.
 *
 * @param seconds since 1970, the time of all files.
 * @throws Error if there is no GNU tar, or a source is missing.
 */
export function tarball(name: string, files: readonly PackedFile[], seconds: number): Uint8Array {
  const stage = mkdtempSync(join(tmpdir(), "release-"));
  try {
    for (const { path, source, text, executable } of files) {
      const target = join(stage, name, path);
      makeDirectories(stage, join(name, dirname(path)));
      if (text === undefined) copyFileSync(source, target);
      else writeFileSync(target, text);
      chmodSync(target, executable ? 0o755 : 0o644);
    }
    const { exitCode, stdout, stderr } = Bun.spawnSync(
      [
        ...["tar", "--create", "--format=ustar", "--sort=name", `--mtime=@${seconds}`],
        ...["--owner=0", "--group=0", "--numeric-owner", `--directory=${stage}`, name],
      ],
      { env: { LC_ALL: "C", PATH: process.env["PATH"] } },
    );
    if (exitCode !== 0)
      throw new Error(`tar (it has to be GNU's) ended with ${exitCode}: ${stderr}`);
    return Bun.gzipSync(new Uint8Array(stdout), { level: 9 });
  } finally {
    rmSync(stage, { recursive: true });
  }
}

function makeDirectories(stage: string, path: string): void {
  let directory = stage;
  for (const part of path.split("/").filter((name) => name !== ".")) {
    directory = join(directory, part);
    mkdirSync(directory, { recursive: true });
    chmodSync(directory, 0o755);
  }
}
