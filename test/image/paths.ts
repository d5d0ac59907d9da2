import { homedir } from "node:os";
import { join } from "node:path";

/** The checkout. */
export const checkout = join(import.meta.dir, "../..");

/** The cache: downloads of `provision.sh`, and the last images. */
export function cacheDir(env: Record<string, string | undefined> = process.env): string {
  const base =
    env["VDP_CACHE_DIR"] ||
    join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "video-device-plugin");
  return join(base, "image");
}

/** Name of the image in its archive. The domain is reserved and never resolves. */
export const imageName = "vdp.invalid/video-device-plugin:e2e";
