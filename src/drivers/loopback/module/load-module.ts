import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import type { Clock } from "../../../common/clock.ts";
import { readSmallFile } from "../../../common/files.ts";
import { PluginError } from "../../../common/plugin-error.ts";
import { ErrnoError, errnoNameOf } from "../../../linux/errno-error.ts";
import { MODULE_INIT_COMPRESSED_FILE } from "../../../linux/linux-calls.ts";
import type { LoopbackKernel } from "../kernel.ts";
import { explainLoadError } from "./explain-load-error.ts";
import { readLoadProbes } from "./load-probes.ts";
import { readModuleInfo } from "./module-info.ts";
import { moduleName } from "./modules-dep.ts";

export interface LoadRequest {
  /** Absolute paths, in the order to load them; the last is the module that gets the parameters. */
  readonly files: readonly string[];
  readonly params: string;
  readonly kernelRelease: string;
  readonly sysfsDir: string;
}

/** By suffix, the name of the algorithm in /sys/module/compression (kernel/module/decompress.c). */
const algorithms: Readonly<Record<string, string>> = { gz: "gzip", xz: "xz", zst: "zstd" };

/** Tries while another program loads the same module, and milliseconds between two. */
const busyTries = 10;
const busyPauseMs = 100;

/** The .xz File Format 1.2.1, 2.1.1.1: the first bytes of a file, and 2.1.2.4: the last. */
const xzFirstBytes = Buffer.from("\xfd7zXZ\0", "latin1");
const xzLastBytes = Buffer.from("YZ");

/** Zero bytes may follow the last ones, in fours (2.2, Stream Padding). */
const xzPaddingBytes = 4;

/**
 * Loads a module, after the modules that it needs.
 *
 * "loaded" proves nothing about the parameters: since 6.5 the kernel says so to a second loader of the same file as
 * well, and drops its parameters (kernel/module/main.c, idempotent_init_module). The caller looks at /sys.
 *
 * @returns `already` if it was loaded before, with other parameters.
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
      if (error.errnoName !== "EBUSY" || attempt === busyTries) {
        const builtFor = readModuleInfo(path)?.builtFor;
        const failure = {
          error,
          path,
          kernelRelease,
          builtFor,
          xzDefect: path.endsWith(".xz") ? xzDefect(path) : undefined,
        };
        throw explainLoadError(failure, readLoadProbes("/proc", sysfsDir));
      }
      await clock.sleep(busyPauseMs);
    }
  }
}

/** Hands the file to the kernel, decompressed here if the kernel does not know the algorithm. */
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

/**
 * The visible defect of an .xz file, which nothing here can decompress, as the end of "it is …"; undefined if its
 * first and its last bytes are right, or it can't be read.
 */
export function xzDefect(path: string): string | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return undefined;
  }
  if (!bytes.subarray(0, xzFirstBytes.length).equals(xzFirstBytes)) return "no xz file";
  let end = bytes.length;
  while (bytes.subarray(end - xzPaddingBytes, end).every((byte) => byte === 0)) {
    end -= xzPaddingBytes;
  }
  return bytes.subarray(end - xzLastBytes.length, end).equals(xzLastBytes)
    ? undefined
    : "cut short";
}

/** True if the kernel can decompress a module of this suffix, "xz", itself. */
export function kernelDecompresses(suffix: string, sysfsDir: string): boolean {
  return readSmallFile(join(sysfsDir, "module", "compression")) === (algorithms[suffix] ?? "");
}

/** What to do about an .xz file that the kernel can't load. */
export function unpackXzHint(path: string): string {
  return `Unpack it on the host (xz -dk ${path}; depmod), or load v4l2loopback there.`;
}

function decompress(path: string, suffix: string): Uint8Array {
  if (suffix === "xz") {
    throw new PluginError(
      "module_compression_unsupported",
      `${path} is compressed with xz, which neither this kernel nor this program can decompress.`,
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
