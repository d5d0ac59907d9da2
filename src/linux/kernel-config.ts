import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readSmallFile } from "../common/files.ts";

/** The configuration of the running kernel: lines of `CONFIG_X=y`. */
export interface KernelConfig {
  readonly text: string;
  /** The file it is from. */
  readonly source: string;
}

/** Directories to read; the defaults are the system's own. */
export interface KernelConfigPlaces {
  readonly procDir?: string;
  /** Has `config-<release>`. */
  readonly bootDir?: string;
  /** Has `<release>/config`. */
  readonly modulesDir?: string;
  /** `uname -r` */
  readonly kernelRelease: string;
}

/** Reads /proc/config.gz, or the file that distributions install; undefined if there is neither. */
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

/** `y`, `m`, or another value of an option; undefined if it isn't set. */
export function configOption({ text }: KernelConfig, name: string): string | undefined {
  return new RegExp(`^CONFIG_${name}=(.*)$`, "m").exec(text)?.[1];
}

/**
 * True if the kernel clears memory when it allocates it (init_on_alloc, Linux 5.3): if not, a program can read what was
 * in another one's buffers. The command line decides, and if it doesn't mention it the kernel's configuration;
 * undefined if neither can be read.
 */
export function readInitOnAlloc(places: KernelConfigPlaces): boolean | undefined {
  const commandLine = readSmallFile(join(places.procDir ?? "/proc", "cmdline")) ?? "";
  const asked = [...commandLine.matchAll(/(?:^|\s)init_on_alloc=(\S+)/g)].at(-1)?.[1];
  // kstrtobool, lib/kstrtox.c
  if (asked !== undefined) return /^(?:[1yt]|on)/i.test(asked);
  const config = readKernelConfig(places);
  return config && configOption(config, "INIT_ON_ALLOC_DEFAULT_ON") === "y";
}

function read(path: string): string | undefined {
  try {
    const bytes = readFileSync(path);
    return (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
  } catch {
    return undefined; // absent, unreadable, or no gzip
  }
}
