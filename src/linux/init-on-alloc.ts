import { readFileSync } from "node:fs";
import { join } from "node:path";
import { configOption, type KernelConfigPlaces, readKernelConfig } from "./kernel-config.ts";

/** Whether the kernel clears memory that it hands out, and what says so. */
export interface InitOnAlloc {
  /** Undefined if nothing tells. */
  readonly on: boolean | undefined;
  /** `/proc/cmdline`, or the file with the kernel's configuration; empty if nothing tells. */
  readonly source: string;
}

/**
 * `init_on_alloc` (Documentation/admin-guide/kernel-parameters.txt): what the command line says last, else
 * CONFIG_INIT_ON_ALLOC_DEFAULT_ON of the kernel's configuration.
 */
export function readInitOnAlloc(places: KernelConfigPlaces): InitOnAlloc {
  const commandLine = join(places.procDir ?? "/proc", "cmdline");
  const words = read(commandLine).split(/\s+/);
  const given = words.findLast((word) => word.startsWith("init_on_alloc="))?.split("=")[1];
  if (given !== undefined) return { on: /^(1|y|on|t)/i.test(given), source: commandLine };
  const config = readKernelConfig(places);
  if (config === undefined) return { on: undefined, source: "" };
  return { on: configOption(config, "INIT_ON_ALLOC_DEFAULT_ON") === "y", source: config.source };
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
