import { join } from "node:path";
import { unsupported as noImage } from "../image/environment.ts";

/** What nodes are made of on this machine, or why it can boot none. */
export type Environment = { readonly directory: string } | { readonly reason: string };

/** Looks; `provision.sh` makes. */
export function environment(): Environment {
  const { platform, arch } = process;
  if (platform !== "linux" || arch !== "x64") {
    return { reason: `needs Linux on x64, not ${platform} on ${arch}` };
  }
  const reason = noImage();
  if (reason !== undefined) return { reason };
  const { exitCode, stdout, stderr } = Bun.spawnSync([
    join(import.meta.dir, "provision.sh"),
    "--check",
  ]);
  if (exitCode === 0) return { directory: stdout.toString().trim() };
  return {
    reason: stderr
      .toString()
      .trim()
      .replace(/^provision: /, ""),
  };
}
