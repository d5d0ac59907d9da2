import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manifestToolsDir } from "../../deploy/manifests/helm.ts";
import { kustomizeDir } from "../../deploy/manifests/kustomize-files.ts";
import type { KubernetesObject } from "../support/manifests.ts";

const kustomizeBinary = join(manifestToolsDir(), "bin/kustomize");

/** Minor versions of Kubernetes with a provisioned schema: from the oldest that the chart allows to the newest. */
export const kubernetesVersions = Array.from(
  { length: 11 },
  (_, index) => `1.${26 + index}` as const,
);
export type KubernetesVersion = (typeof kubernetesVersions)[number];

/** Files of the provisioned custom resource definitions. */
export const customResourceFiles = [
  "podmonitor.yaml",
  "servicemonitor.yaml",
  "prometheusrule.yaml",
  "scaledjob.yaml",
] as const;

/** Path of a provisioned schema. */
export function schemaPath(name: string): string {
  return join(manifestToolsDir(), "schemas", name);
}

/** The reason why manifests can't be checked here; undefined if they can. */
export function unsupported(): string | undefined {
  const needed = [
    ...["helm", "kustomize", "kubectl"].map((name) => join(manifestToolsDir(), "bin", name)),
    ...kubernetesVersions.map((version) => schemaPath(`kubernetes-${version}.json`)),
    ...customResourceFiles.map(schemaPath),
  ];
  const missing = needed.find((path) => !existsSync(path));
  return missing && `there is no ${missing}; run test/manifests/provision.sh`;
}

/** True if tests must be skipped; prints the reason to stderr. @throws Error if `VDP_REQUIRE_LEVELS=1` forbids that. */
export function skipLevel(reason: string | undefined, env = process.env): boolean {
  if (reason === undefined) return false;
  if (env["VDP_REQUIRE_LEVELS"] === "1") {
    throw new Error(`VDP_REQUIRE_LEVELS=1, but the manifests can't be checked here: ${reason}`);
  }
  process.stderr.write(`skipped: ${reason}\n`);
  return true;
}

/**
 * The output of `kustomize build` for a directory of `deploy/kubernetes`, or of a copy of that.
 * @throws Error with kustomize's message.
 */
export function kustomizeBuild(directory: string, root = kustomizeDir): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([
    kustomizeBinary,
    "build",
    join(root, directory),
  ]);
  if (exitCode !== 0) throw new Error(`kustomize build ${directory}: ${stderr}`);
  return String(stdout);
}

/**
 * The same for a user's overlay, beside ours in `overlays`.
 * @param files Texts of further files in its directory, by name.
 * @throws Error with kustomize's message.
 */
export async function kustomizeBuildOwn(
  kustomization: string,
  files: Readonly<Record<string, string>> = {},
): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), "vdp-kustomize-"));
  try {
    cpSync(kustomizeDir, root, { recursive: true });
    for (const [name, text] of Object.entries({ ...files, "kustomization.yaml": kustomization })) {
      await Bun.write(join(root, "overlays/own", name), text);
    }
    return kustomizeBuild("overlays/own", root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

/**
 * A workload as Debian's kubectl reads and writes it, without a cluster. Fields that its API types lack are dropped.
 * @throws Error with kubectl's message.
 */
export function asKubectlReads(workload: KubernetesObject): KubernetesObject {
  // This command works without a cluster, and reads into the API's types.
  const command = [
    "set",
    "image",
    "--local",
    "--filename=-",
    "*=example.com/image",
    "--output=json",
  ];
  const { exitCode, stdout, stderr } = Bun.spawnSync(
    [join(manifestToolsDir(), "bin/kubectl"), ...command],
    { stdin: new TextEncoder().encode(JSON.stringify(workload)), env: { HOME: "/nonexistent" } },
  );
  if (exitCode !== 0) throw new Error(`kubectl: ${stderr}`);
  return JSON.parse(String(stdout));
}
