import { homedir } from "node:os";
import { join } from "node:path";

/** The checkout. */
export const checkout = join(import.meta.dir, "../..");

/** Outlives runs: what `provision.sh` has downloaded, and the last image. */
export function cacheDir(env: Record<string, string | undefined> = process.env): string {
  const base =
    env["VDP_CACHE_DIR"] ||
    join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "video-device-plugin");
  return join(base, "image");
}

/** Name of the image in its archive. The domain is reserved and never resolves. */
export const imageName = "vdp.invalid/video-device-plugin:e2e";
