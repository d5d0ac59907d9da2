import { readFileSync } from "node:fs";
import { join } from "node:path";
import { configOption, type KernelConfigPlaces, readKernelConfig } from "./kernel-config.ts";

/**
 * Whether the kernel clears memory when it hands it out (init_on_alloc, Linux 5.3): if not, what one
 * program's buffers held can be read in another's. The command line decides, and without a word there the
 * kernel's configuration; undefined if neither can be read.
 */
export function readInitOnAlloc(places: KernelConfigPlaces): boolean | undefined {
  const commandLine = textOf(join(places.procDir ?? "/proc", "cmdline")) ?? "";
  const asked = [...commandLine.matchAll(/(?:^|\s)init_on_alloc=(\S+)/g)].at(-1)?.[1];
  // kstrtobool, lib/kstrtox.c
  if (asked !== undefined) return /^(?:[1yt]|on)/i.test(asked);
  const config = readKernelConfig(places);
  return config && configOption(config, "INIT_ON_ALLOC_DEFAULT_ON") === "y";
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
