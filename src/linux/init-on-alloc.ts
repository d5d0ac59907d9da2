import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** Where to look; by default the running system's. */
export interface KernelConfigPlaces {
  readonly procDir?: string;
  /** Where `config-<release>` is. */
  readonly bootDir?: string;
  /** `uname -r` */
  readonly kernelRelease: string;
}

/**
 * Whether the kernel clears memory when it hands it out (init_on_alloc, Linux 5.3): if not, what one
 * program's buffers held can be read in another's. The command line decides, and without a word there the
 * kernel's configuration; undefined if neither can be read.
 */
export function readInitOnAlloc(places: KernelConfigPlaces): boolean | undefined {
  const { procDir = "/proc", bootDir = "/boot", kernelRelease } = places;
  const commandLine = textOf(join(procDir, "cmdline")) ?? "";
  const asked = [...commandLine.matchAll(/(?:^|\s)init_on_alloc=(\S+)/g)].at(-1)?.[1];
  // kstrtobool, lib/kstrtox.c
  if (asked !== undefined) return /^(?:[1yt]|on)/i.test(asked);
  const config =
    gunzipped(join(procDir, "config.gz")) ?? textOf(join(bootDir, `config-${kernelRelease}`));
  if (config === undefined) return undefined;
  return /^CONFIG_INIT_ON_ALLOC_DEFAULT_ON=y$/m.test(config);
}

function gunzipped(path: string): string | undefined {
  try {
    return gunzipSync(readFileSync(path)).toString();
  } catch {
    return undefined;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
