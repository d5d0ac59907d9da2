import { join } from "node:path";

/** The manifests of the examples. */
export const manifests = join(import.meta.dir, "../../deploy/kubernetes/examples");

/** Archives of the examples' images by their names, or why they are not there. */
export function exampleImages(): ReadonlyMap<string, string> | { readonly reason: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([
    join(import.meta.dir, "provision.sh"),
    "--check",
  ]);
  if (exitCode !== 0) return { reason: stderr.toString().trim() };
  const lines = stdout.toString().trim().split("\n");
  return new Map(lines.map((line) => line.split(" ") as [string, string]));
}
