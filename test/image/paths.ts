import { join } from "node:path";
import { cacheOf } from "../support/cache-of.ts";

/** The checkout. */
export const checkout = join(import.meta.dir, "../..");

/** The cache: downloads of `provision.sh`, and the last images. */
export function cacheDir(): string {
  return cacheOf("image");
}

/** Name of the image in its archive. The domain is reserved and never resolves. */
export const imageName = "vdp.invalid/video-device-plugin:e2e";
