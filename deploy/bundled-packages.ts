/**
 * Which packages' code is in the executable, by what the bundler says of it: the metafile that `deploy/build.ts`
 * leaves in `dist`. Licences and the bill of materials are made of this, not of what happens to be installed.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The part of a bundler's metafile that is used (https://esbuild.github.io/api/#metafile). */
export interface Metafile {
  readonly outputs: Record<
    string,
    { readonly inputs: Record<string, { readonly bytesInOutput: number }> }
  >;
}

/** A package of which at least one file got into the bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX expression, as its package.json has it. */
  readonly license: string;
  readonly description: string | undefined;
  /** Names of the packages it asks for; not all of them need be bundled. */
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

/** Where `deploy/build.ts` leaves it, relative to the checkout. */
export const metafilePath = "dist/video-device-plugin.meta.json";

/**
 * The packages in the bundle, sorted by name and version.
 *
 * @throws Error if a package doesn't say its version or licence.
 */
export function bundledPackages(metafile: Metafile, root: string): BundledPackage[] {
  const files = new Map<string, string[]>();
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const directory = packageDirectory(path);
      // What tree shaking left nothing of is not distributed.
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

/** By code units, so that the order is the same in every locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
