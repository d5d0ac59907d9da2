import { homedir } from "node:os";
import { join } from "node:path";

/** The directory of what the `provision.sh` of a part of the tests downloads and builds; outside of the checkout. */
export function cacheOf(
  part: string,
  env: Record<string, string | undefined> = process.env,
): string {
  const base =
    env["VDP_CACHE_DIR"] ||
    join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "video-device-plugin");
  return join(base, part);
}
