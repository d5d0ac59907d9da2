import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { KubeletBehaviour } from "./behaviour.ts";
import { checkpointFileName } from "./checkpoint.ts";

/** What a starting kubelet does to the device-plugins directory: manager.go, CleanupPluginDirectory. */
export function cleanupPluginDirectory(directory: string, kind: KubeletBehaviour["cleanup"]): void {
  for (const name of readdirSync(directory)) {
    if (name === checkpointFileName) continue;
    const path = join(directory, name);
    // Through symbolic links: a link to a socket counts as one, a dangling link stays.
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || stat.isDirectory()) continue;
    if (kind === "all_files" || stat.isSocket()) {
      rmSync(path, { force: true });
    }
  }
}
