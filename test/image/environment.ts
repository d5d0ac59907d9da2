import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cacheDir } from "./paths.ts";

/** The reason why the image can't be built and run here; undefined if it can. */
export function unsupported(): string | undefined {
  const remedy = "run test/image/provision.sh";
  if (process.platform !== "linux") return `needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "needs root";
  const path = `${process.env["PATH"]}:/usr/sbin:/sbin`;
  for (const command of ["bash", "buildah", "runc", "dpkg-deb", "tar"]) {
    if (!Bun.which(command, { PATH: path })) return `no ${command}; ${remedy}`;
  }
  const debs = join(cacheDir(), "debs");
  if (!existsSync(debs) || readdirSync(debs).length === 0)
    return `no packages in ${debs}; ${remedy}`;
  return undefined;
}
