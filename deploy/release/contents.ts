import { readFileSync } from "node:fs";
import { relink } from "./relink.ts";
import type { PackedFile } from "./tarball.ts";

/**
 * What is in a tarball, by where it is in the repository; a directory ends with a slash. Mostly that is where it is in the
 * tarball, so that the commands in the documents are right in both.
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

/** What a build leaves for one architecture, as paths. */
export interface Built {
  readonly executable: string;
  readonly notices: string;
  readonly bill: string;
}

/**
 * The files of a tarball.
 *
 * @param tracked paths of all files that git knows, relative to `root`: what merely lies about is not released.
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

/** Where a path of the repository is in the tarball, undefined if it isn't for it. */
function placeOf(path: string): string | undefined {
  const [from, to] = CONTENTS.find(([prefix]) => covers(prefix, path)) ?? [];
  return from === undefined || to === undefined ? undefined : to + path.slice(from.length);
}

function covers(prefix: string, path: string): boolean {
  return prefix.endsWith("/") ? path.startsWith(prefix) : path === prefix;
}

/** What makes or tests the files beside it. */
function isSource(path: string): boolean {
  return path.endsWith(".ts") || path.includes(".test.");
}

/** Names of architectures: Bun's, and those that images, packages and so the tarballs have. */
export const ARCHITECTURES = [
  { bun: "x64", name: "amd64" },
  { bun: "arm64", name: "arm64" },
] as const;

/** `video-device-plugin-1.2.3-linux-amd64`: of a tarball, and of the directory in it. */
export function artefactName(version: string, architecture: string): string {
  return `video-device-plugin-${version}-linux-${architecture}`;
}
