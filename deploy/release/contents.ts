import { readFileSync } from "node:fs";
import { relink } from "./relink.ts";
import type { PackedFile } from "./tarball.ts";

/**
 * Paths in a tarball by paths in the repository; a directory ends with a slash. Most are equal, so that the commands in
 * the documents work in both.
 */
const CONTENTS: readonly (readonly [from: string, to: string])[] = [
  // At the top, since install.sh looks for the executable beside itself.
  ["deploy/systemd/", ""],
  ["deploy/kubernetes/", "deploy/kubernetes/"],
  ["deploy/helm/", "deploy/helm/"],
  ["deploy/monitoring/", "deploy/monitoring/"],
  ["docs/", "docs/"],
  ["CHANGELOG.md", "CHANGELOG.md"],
  ["LICENSE", "LICENSE"],
  ["README.md", "README.md"],
];

/** Paths of a build's files for one architecture. */
export interface Built {
  readonly executable: string;
  readonly notices: string;
  readonly bill: string;
}

/**
 * The files of a tarball.
 *
 * @param tracked paths of all files in git, relative to `root`; other files are not released.
 */
export function tarballFiles(root: string, tracked: readonly string[], built: Built): PackedFile[] {
  const files: PackedFile[] = [
    { path: "video-device-plugin", source: built.executable, executable: true },
    { path: "THIRD-PARTY-NOTICES", source: built.notices, executable: false },
    { path: "video-device-plugin.cdx.json", source: built.bill, executable: false },
  ];
  const packed = tracked.filter((path) => placeOf(path) !== undefined && !isSource(path));
  const linked = (path: string) => {
    const isThere = packed.some((one) => one === path || one.startsWith(`${path}/`));
    return isThere ? (placeOf(path) ?? placeOf(`${path}/`)) : undefined;
  };
  for (const from of packed) {
    const to = placeOf(from) ?? from;
    const file = { path: to, source: `${root}/${from}`, executable: to.endsWith(".sh") };
    if (!to.endsWith(".md")) files.push(file);
    else {
      const text = relink(readFileSync(file.source, "utf8"), { from, to }, linked);
      files.push({ ...file, text });
    }
  }
  return files;
}

/** The tarball's path of a file in the repository; undefined if it isn't released. */
function placeOf(path: string): string | undefined {
  const [from, to] = CONTENTS.find(([prefix]) => covers(prefix, path)) ?? [];
  return from === undefined || to === undefined ? undefined : to + path.slice(from.length);
}

function covers(prefix: string, path: string): boolean {
  return prefix.endsWith("/") ? path.startsWith(prefix) : path === prefix;
}

/** Sources and tests of the files beside them. */
function isSource(path: string): boolean {
  return path.endsWith(".ts") || path.includes(".test.");
}

/** Names of architectures: Bun's, and those of images, packages and tarballs. */
export const ARCHITECTURES = [
  { bun: "x64", name: "amd64" },
  { bun: "arm64", name: "arm64" },
] as const;

/** The name of a tarball and of its directory: `video-device-plugin-1.2.3-linux-amd64`. */
export function artefactName(version: string, architecture: string): string {
  return `video-device-plugin-${version}-linux-${architecture}`;
}
