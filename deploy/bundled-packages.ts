/**
 * The packages whose code is in the executable, by the bundler's metafile, which `deploy/build.ts` writes to `dist`.
 * Licences and the bill of materials come from this, not from the installed packages.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The part of a bundler's metafile that this uses (https://esbuild.github.io/api/#metafile). */
export interface Metafile {
  readonly outputs: Record<
    string,
    { readonly inputs: Record<string, { readonly bytesInOutput: number }> }
  >;
}

/** A package with at least one file in the bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** The SPDX expression of its package.json. */
  readonly license: string;
  readonly description: string | undefined;
  /** Names of its dependencies; not all of them are in the bundle. */
  readonly dependencies: readonly string[];
  /** Relative to the checkout: two versions of one package have two directories. */
  readonly directory: string;
  /** Its files in the bundle, relative to the checkout, sorted. */
  readonly files: readonly string[];
}

/** Reads the metafile of the last build. */
export function readMetafile(root: string): Metafile {
  return JSON.parse(readFileSync(join(root, metafilePath), "utf8")) as Metafile;
}

/** Path of the metafile, relative to the checkout. */
export const metafilePath = "dist/video-device-plugin.meta.json";

/**
 * The packages in the bundle, sorted by name and version.
 *
 * @throws Error if a package names no version or licence.
 */
export function bundledPackages(metafile: Metafile, root: string): BundledPackage[] {
  const files = new Map<string, string[]>();
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const directory = packageDirectory(path);
      // Tree shaking removed all of it.
      if (directory === undefined || bytesInOutput === 0) continue;
      files.set(directory, [...(files.get(directory) ?? []), path]);
    }
  }
  return [...files]
    .map(([directory, paths]) => describe(root, directory, paths.sort()))
    .sort((a, b) => compare(a.name, b.name) || compare(a.version, b.version));
}

/** `node_modules/@scope/name` of a file in it, undefined for the project's own files. */
export function packageDirectory(path: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0];
}

function describe(root: string, directory: string, files: string[]): BundledPackage {
  const path = join(root, directory, "package.json");
  const { name, version, license, description, dependencies } = JSON.parse(
    readFileSync(path, "utf8"),
  ) as Record<string, unknown>;
  if (typeof name !== "string" || typeof version !== "string" || typeof license !== "string") {
    throw new Error(`${path}: no name, version or license`);
  }
  return {
    name,
    version,
    license: license.replace(/^\((.*)\)$/, "$1"),
    description: typeof description === "string" ? description : undefined,
    dependencies: Object.keys((dependencies ?? {}) as object).sort(),
    directory,
    files,
  };
}

/** Order by code units, which is the same in every locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
