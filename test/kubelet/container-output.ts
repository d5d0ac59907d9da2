import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { podLogsDir } from "./paths.ts";
import { containerName } from "./pod-manifest.ts";

/**
 * What a pod's containers have written, from the files that the runtime keeps for the kubelet:
 * `<namespace>_<pod>_<uid>/<container>/<restarts>.log`, of lines `<time> <stream> F <text>`
 * (pkg/kubelet/kuberuntime/logs).
 */
export function containerOutput(podName: string, container = containerName): string[] {
  if (!existsSync(podLogsDir)) return [];
  const pod = readdirSync(podLogsDir).find((entry) => entry.split("_")[1] === podName);
  const directory = join(podLogsDir, pod ?? "-", container);
  if (!existsSync(directory)) return [];
  const files = readdirSync(directory).sort(
    (a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10),
  );
  return files
    .flatMap((file) => readFileSync(join(directory, file), "utf8").split("\n"))
    .filter((line) => line !== "")
    .map((line) => line.replace(/^\S+ std(out|err) [FP] /, ""));
}
