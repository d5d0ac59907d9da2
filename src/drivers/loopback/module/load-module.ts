import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import type { Clock } from "../../../common/clock.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { ErrnoError, errnoNameOf } from "../../../linux/errno-error.ts";
import { MODULE_INIT_COMPRESSED_FILE } from "../../../linux/linux-calls.ts";
import type { LoopbackKernel } from "../kernel.ts";
import { explainLoadError } from "./explain-load-error.ts";
import { readLoadProbes } from "./load-probes.ts";
import { readModuleInfo } from "./module-info.ts";
import { moduleName } from "./modules-dep.ts";
import { xzDefect } from "./xz-file.ts";

export interface LoadRequest {
  /** Absolute paths, in the order to load them; the last is the module that gets the parameters. */
  readonly files: readonly string[];
  readonly params: string;
  readonly kernelRelease: string;
  readonly sysfsDir: string;
}

/** By suffix, the name that /sys/module/compression gives the algorithm (kernel/module/decompress.c). */
const ALGORITHMS: Readonly<Record<string, string>> = { gz: "gzip", xz: "xz", zst: "zstd" };

/** Tries when somebody else is loading the same module, and ms between two. */
const BUSY_TRIES = 10;
const BUSY_PAUSE_MS = 100;

/**
 * Loads a module and before it what it needs. A module that is already there is no failure: `already`
 * says so of the last, whose parameters were then not ours.
 *
 * That the kernel answers "loaded" proves nothing about the parameters: since 6.5 a second loader of the
 * same file is told so as well, and its parameters are dropped (kernel/module/main.c,
 * idempotent_init_module). The caller looks at /sys.
 *
 * @throws PluginError of {@link explainLoadError}, or `module_compression_unsupported`.
 */
export async function loadModule(
  request: LoadRequest,
  kernel: LoopbackKernel,
  clock: Clock,
): Promise<"loaded" | "already"> {
  const target = request.files.at(-1);
  for (const path of request.files) {
    if (path === target) break;
    if (isLoaded(path, request.sysfsDir)) continue;
    await loadFile(path, "", request, kernel, clock);
  }
  return target === undefined
    ? "already"
    : await loadFile(target, request.params, request, kernel, clock);
}

/** /sys/module has built-in modules as well, if they have parameters. */
function isLoaded(path: string, sysfsDir: string): boolean {
  return existsSync(join(sysfsDir, "module", moduleName(path)));
}

async function loadFile(
  path: string,
  params: string,
  { kernelRelease, sysfsDir }: LoadRequest,
  kernel: LoopbackKernel,
  clock: Clock,
): Promise<"loaded" | "already"> {
  for (let attempt = 1; ; attempt++) {
    try {
      insert(path, params, sysfsDir, kernel);
      return "loaded";
    } catch (thrown) {
      const error = ErrnoError.from(thrown);
      if (error === undefined) throw thrown;
      // EEXIST is also what two devices of one number are, so only what /sys shows counts.
      if (error.errnoName === "EEXIST" && isLoaded(path, sysfsDir)) return "already";
      if (error.errnoName !== "EBUSY" || attempt === BUSY_TRIES) {
        const builtFor = readModuleInfo(path)?.builtFor;
        const failure = { error, path, kernelRelease, builtFor, xzDefect: defectOfXz(path) };
        throw explainLoadError(failure, readLoadProbes("/proc", sysfsDir));
      }
      await clock.sleep(BUSY_PAUSE_MS);
    }
  }
}

/** The kernel decompresses by itself if it can this algorithm; else it is done here. */
function insert(path: string, params: string, sysfsDir: string, kernel: LoopbackKernel): void {
  const suffix = /\.ko\.(gz|xz|zst)$/.exec(path)?.[1];
  if (suffix === undefined) {
    kernel.finitModule(path, params, 0);
    return;
  }
  if (kernelDecompresses(suffix, sysfsDir)) {
    try {
      kernel.finitModule(path, params, MODULE_INIT_COMPRESSED_FILE);
      return;
    } catch (error) {
      if (errnoNameOf(error) !== "EOPNOTSUPP") throw error;
    }
  }
  kernel.initModule(decompress(path, suffix), params);
}

function defectOfXz(path: string): string | undefined {
  try {
    return path.endsWith(".xz") ? xzDefect(readFileSync(path)) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the kernel can load a module of this suffix, "xz", without being given it decompressed. */
export function kernelDecompresses(suffix: string, sysfsDir: string): boolean {
  try {
    const algorithm = readFileSync(join(sysfsDir, "module", "compression"), "utf8").trim();
    return algorithm === ALGORITHMS[suffix];
  } catch {
    return false;
  }
}

/** What to do about an .xz file that the kernel can't load. */
export function unpackXzHint(path: string): string {
  return `Unpack it on the host (xz -dk ${path}; depmod), or load v4l2loopback there.`;
}

function decompress(path: string, suffix: string): Uint8Array {
  if (suffix === "xz") {
    throw new PluginError(
      "module_compression_unsupported",
      `${path} is compressed with xz, which neither this kernel nor this program can undo.`,
      { remedy: unpackXzHint(path) },
    );
  }
  const compressed = readModule(path);
  try {
    return suffix === "gz" ? gunzipSync(compressed) : zstdDecompressSync(compressed);
  } catch (cause) {
    throw new PluginError("module_file_corrupt", `${path} can't be decompressed.`, {
      cause,
      remedy: "Reinstall the package the file is from.",
    });
  }
}

function readModule(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw ErrnoError.from(error) ?? error;
  }
}
