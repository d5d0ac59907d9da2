/**
 * Writes `dist/THIRD-PARTY-NOTICES`: the licences of everything in the executable that is not this project's own.
 * `bun deploy/notices.ts`, after `bun run build`.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bunLicencePage, bunLicense, bunVersion } from "./bun-licence.ts";
import { type BundledPackage, bundledPackages, readMetafile } from "./bundled-packages.ts";

const line = "=".repeat(80);

/** Licences whose whole text must accompany the executable, and which not all their packages contain. */
const appendix = {
  "Apache-2.0": "Apache-2.0.txt",
  "LGPL-2.0-or-later": "LGPL-2.0.txt",
  "LGPL-2.1": "LGPL-2.1.txt",
} as const;

/** The whole file. Equal texts appear once, under the names of all their packages. */
export function renderNotices(root: string, packages: readonly BundledPackage[]): string {
  const owners = new Map<string, BundledPackage[]>();
  for (const one of packages) {
    const text = noticeOf(root, one);
    owners.set(text, [...(owners.get(text) ?? []), one]);
  }
  return [
    "Video Device Plugin is one executable. Beside its own code (see LICENSE) it contains the following.\n",
    ...[...owners].map(([text, all]) => section(all.map(title), text)),
    section([`bun ${bunVersion} (${bunLicense}), the runtime`], bunLicencePage(root)),
    ...Object.entries(appendix).map(([id, file]) =>
      section([`Text of ${id}`], readFileSync(join(root, "deploy/licences", file), "utf8").trim()),
    ),
  ].join("\n");
}

function title({ name, version, license }: BundledPackage): string {
  return `${name} ${version} (${license})`;
}

function section(titles: string[], text: string): string {
  return `${line}\n${titles.join("\n")}\n${line}\n\n${text}\n`;
}

/**
 * A package's licence files, or the terms at the head of its files if it has none.
 *
 * @throws Error if it has neither.
 */
export function noticeOf(root: string, { name, directory, files }: BundledPackage): string {
  const own = readdirSync(join(root, directory))
    .filter((file) => /^(licen[cs]e|notice|copying)(\.(md|txt))?$/i.test(file))
    .sort()
    .map((file) => normalized(readFileSync(join(root, directory, file), "utf8")));
  if (own.length > 0) return own.join("\n\n");
  const heads = files.map((file) => licenceHead(readFileSync(join(root, file), "utf8")));
  const texts = [...new Set(heads.filter((head) => head !== undefined))].sort();
  if (texts.length === 0) throw new Error(`${name}: neither a licence file nor heads of files`);
  return texts.join("\n\n");
}

/** The comment at the start of a file, if it is about copyright. */
export function licenceHead(source: string): string | undefined {
  const comment = /^(?:\/\/.*\n)+/.exec(source)?.[0];
  if (comment === undefined || !/copyright/i.test(comment)) return undefined;
  return normalized(comment.replace(/^\/\/ ?/gm, ""));
}

function normalized(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(/[ \t]+$/gm, "")
    .trim();
}

if (import.meta.main) {
  const root = join(import.meta.dir, "..");
  const packages = bundledPackages(readMetafile(root), root);
  writeFileSync(join(root, "dist/THIRD-PARTY-NOTICES"), renderNotices(root, packages));
  console.log(`dist/THIRD-PARTY-NOTICES  ${packages.length} packages and Bun`);
}
