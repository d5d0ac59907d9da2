import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ApiObject, Kubectl } from "../cluster/kubectl.ts";
import { examplePools } from "../support/manifests.ts";

/** The manifests of the examples. */
export const manifests = join(import.meta.dir, "../../deploy/kubernetes/examples");

/** Archives of the examples' images by their names, or why they are not there. Without `names`: of all. */
export function exampleImages(
  ...names: readonly string[]
): ReadonlyMap<string, string> | { readonly reason: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([
    join(import.meta.dir, "provision.sh"),
    "--check",
    ...names,
  ]);
  if (exitCode !== 0) return { reason: stderr.toString().trim() };
  const lines = stdout.toString().trim().split("\n");
  return new Map(lines.map((line) => line.split(" ") as [string, string]));
}

/** Writes a values file of the chart with the pools of two-pools.yaml. Returns its path. */
export function poolValues(directory: string): string {
  const path = join(directory, "pools.yaml");
  writeFileSync(path, examplePools());
  return path;
}

/** The pods of an example's object: itself, or those of its Deployment or Job. */
export async function podsOf(kubectl: Kubectl, name: string): Promise<ApiObject[]> {
  const all = await kubectl.list("pods");
  return all.filter(
    ({ metadata }) => metadata.name === name || metadata.name.startsWith(`${name}-`),
  );
}
