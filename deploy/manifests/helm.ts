import { existsSync } from "node:fs";
import { join } from "node:path";
import { cacheOf } from "../../test/support/cache-of.ts";
import { chartDir } from "./chart.ts";

/** The directory of the programs and schemas that `test/manifests/provision.sh` installs. */
export function manifestToolsDir(): string {
  return cacheOf("manifests");
}

/** The provisioned helm, whose version is pinned, else the one on the path. */
export function findHelm(): string | undefined {
  const provisioned = join(manifestToolsDir(), "bin/helm");
  return existsSync(provisioned) ? provisioned : (Bun.which("helm") ?? undefined);
}

/** The result of a run of helm. */
export interface HelmResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs helm without the user's configuration and plugins. @throws Error without helm. */
export function helm(args: readonly string[]): HelmResult {
  const program = findHelm();
  if (program === undefined) throw new Error("there is no helm: run test/manifests/provision.sh");
  const home = join(manifestToolsDir(), "helm-home");
  const { exitCode, stdout, stderr } = Bun.spawnSync([program, ...args], {
    env: { ...process.env, HELM_CONFIG_HOME: home, HELM_CACHE_HOME: home, HELM_DATA_HOME: home },
  });
  return { exitCode, stdout: String(stdout), stderr: String(stderr) };
}

/**
 * `helm template` of the chart as the release `video-device-plugin` in kube-system.
 * @param kubeVersion The cluster's version; a helm from `go build` has no default.
 */
export function helmTemplate(args: readonly string[] = [], kubeVersion = "1.33.4"): HelmResult {
  const release = ["template", "video-device-plugin", chartDir, "--namespace", "kube-system"];
  return helm([...release, "--kube-version", kubeVersion, ...args]);
}
