import { readFileSync, statSync } from "node:fs";
import { gunzipSync, zstdDecompressSync } from "node:zlib";

/** What a module's file says about itself. */
export interface ModuleInfo {
  /** MODULE_VERSION, which v4l2loopback has from 0.13 on. */
  readonly version: string | undefined;
  /** The kernel it was built for: the first word of its `vermagic`. */
  readonly builtFor: string | undefined;
  /** It ends with a signature; whether the kernel trusts the key is another question. */
  readonly signed: boolean;
}

/** kernel/module/signing.c, MODULE_SIG_STRING. */
const signatureMark = "~Module signature appended~\n";

/** Reads a module's file, compressed or not; undefined if it can't be read or is compressed with xz. */
export function readModuleInfo(path: string): ModuleInfo | undefined {
  try {
    return parseModuleInfo(decompressed(path));
  } catch {
    return undefined;
  }
}

/** The section .modinfo is a list of `name=value`, each with a NUL at its end (include/linux/moduleparam.h). */
export function parseModuleInfo(image: Buffer): ModuleInfo {
  return {
    version: entry(image, "version"),
    builtFor: entry(image, "vermagic")?.split(" ")[0],
    signed: image.subarray(-signatureMark.length).toString("latin1") === signatureMark,
  };
}

function entry(image: Buffer, name: string): string | undefined {
  const found = image.indexOf(`\0${name}=`);
  if (found < 0) return undefined;
  const start = found + name.length + 2;
  const end = image.indexOf(0, start);
  return end < 0 ? undefined : image.subarray(start, end).toString();
}

function decompressed(path: string): Buffer {
  // Reading a FIFO would wait for a writer.
  if (!statSync(path).isFile()) throw new Error("not a regular file");
  const bytes = readFileSync(path);
  if (path.endsWith(".gz")) return gunzipSync(bytes);
  if (path.endsWith(".zst")) return zstdDecompressSync(bytes);
  if (path.endsWith(".xz")) throw new Error("xz can't be decompressed here");
  return bytes;
}
