import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Creates a directory and mounts a tmpfs of that many kB on it; returns the reason of a failure, else undefined. */
export function mountSmallDisk(directory: string, kilobytes: number): string | undefined {
  mkdirSync(directory, { recursive: true });
  const size = `size=${kilobytes}k,mode=0700`;
  const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", size, "tmpfs", directory], {
    encoding: "utf8",
  });
  return status === 0 ? undefined : (stderr ?? "").trim() || "there is no mount";
}

export function unmount(directory: string): void {
  spawnSync("umount", ["--lazy", directory]);
}

/**
 * True if a test must be skipped because this process can't mount; also prints that to stderr.
 * @throws Error if `VDP_REQUIRE_LEVELS=1` forbids skipping.
 */
export function skipSmallDisk(env = process.env): boolean {
  const directory = mkdtempSync(join(tmpdir(), "vdp-mount-"));
  const reason = mountSmallDisk(directory, 16);
  if (reason === undefined) unmount(directory);
  rmSync(directory, { recursive: true, force: true });
  if (reason === undefined) return false;
  if (env["VDP_REQUIRE_LEVELS"] === "1") {
    throw new Error(`VDP_REQUIRE_LEVELS=1, but no tmpfs can be mounted here: ${reason}`);
  }
  process.stderr.write(`skipped: a full disk: no tmpfs can be mounted here: ${reason}\n`);
  return true;
}
