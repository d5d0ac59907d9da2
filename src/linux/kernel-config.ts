import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

/** What the running kernel was built with: lines of `CONFIG_X=y`. */
export interface KernelConfig {
  readonly text: string;
  /** The file it is from. */
  readonly source: string;
}

/** Where to look; the defaults are the system's own. */
export interface KernelConfigPlaces {
  readonly procDir?: string;
  /** Where `config-<release>` is. */
  readonly bootDir?: string;
  /** Where `<release>/config` is. */
  readonly modulesDir?: string;
  /** `uname -r` */
  readonly kernelRelease: string;
}

/** /proc/config.gz where the kernel has it, else the file that distributions install; undefined for none. */
export function readKernelConfig({
  procDir = "/proc",
  bootDir = "/boot",
  modulesDir = "/lib/modules",
  kernelRelease,
}: KernelConfigPlaces): KernelConfig | undefined {
  const files = [
    join(procDir, "config.gz"),
    join(bootDir, `config-${kernelRelease}`),
    join(modulesDir, kernelRelease, "config"),
  ];
  for (const source of files) {
    const text = read(source);
    if (text !== undefined) return { text, source };
  }
  return undefined;
}

/** `y`, `m`, or what else an option is set to; undefined if it isn't set. */
export function configOption({ text }: KernelConfig, name: string): string | undefined {
  return new RegExp(`^CONFIG_${name}=(.*)$`, "m").exec(text)?.[1];
}

function read(path: string): string | undefined {
  try {
    const bytes = readFileSync(path);
    return (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
  } catch {
    return undefined; // not there, not readable, or no gzip
  }
}
