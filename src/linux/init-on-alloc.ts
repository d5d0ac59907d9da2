import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** Whether the kernel clears memory that it hands out, and what says so. */
export interface InitOnAlloc {
  /** Undefined if nothing tells. */
  readonly on: boolean | undefined;
  /** `/proc/cmdline`, or the file with the kernel's configuration; empty if nothing tells. */
  readonly source: string;
}

/** Where to look; the defaults are the system's own. */
export interface InitOnAllocPlaces {
  readonly procDir?: string;
  readonly bootDir?: string;
  readonly modulesDir?: string;
  /** `uname -r` */
  readonly kernelRelease: string;
}

/**
 * `init_on_alloc` (Documentation/admin-guide/kernel-parameters.txt): what the command line says last, else
 * CONFIG_INIT_ON_ALLOC_DEFAULT_ON of the kernel's configuration.
 */
export function readInitOnAlloc({
  procDir = "/proc",
  bootDir = "/boot",
  modulesDir = "/lib/modules",
  kernelRelease,
}: InitOnAllocPlaces): InitOnAlloc {
  const commandLine = join(procDir, "cmdline");
  const words = read(commandLine)?.toString().split(/\s+/) ?? [];
  const given = words.findLast((word) => word.startsWith("init_on_alloc="))?.split("=")[1];
  if (given !== undefined) return { on: /^(1|y|on|t)/i.test(given), source: commandLine };
  const files = [
    join(procDir, "config.gz"),
    join(bootDir, `config-${kernelRelease}`),
    join(modulesDir, kernelRelease, "config"),
  ];
  for (const source of files) {
    const text = readConfiguration(source);
    if (text !== undefined)
      return { on: /^CONFIG_INIT_ON_ALLOC_DEFAULT_ON=y$/m.test(text), source };
  }
  return { on: undefined, source: "" };
}

function readConfiguration(path: string): string | undefined {
  const bytes = read(path);
  try {
    return (path.endsWith(".gz") && bytes !== undefined ? gunzipSync(bytes) : bytes)?.toString();
  } catch {
    return undefined; // not gzip
  }
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
