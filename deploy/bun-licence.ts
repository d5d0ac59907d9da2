/**
 * The licences of Bun's runtime, which is most of the executable: Bun's licence page, which is in `bun-types` of the
 * same version.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };

/** The pinned version; `deploy/build.ts` builds with no other. */
export const bunVersion = manifest.packageManager.replace("bun@", "");

/** Bun itself, and JavaScriptCore with the parts of WebKit that it links statically. */
export const bunLicense = "MIT AND LGPL-2.0-or-later";

/** A row of the page's tables: a library that is linked into Bun, or a polyfill embedded in it. */
export interface BunPart {
  readonly name: string;
  readonly url: string;
  /** As the page names it; not an SPDX expression. */
  readonly license: string;
}

/**
 * The page as Markdown, without its front matter.
 *
 * @throws Error if it is of another version than the pinned one.
 */
export function bunLicencePage(root: string): string {
  const directory = join(root, "node_modules/bun-types");
  const { version } = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
  if (version !== bunVersion) {
    throw new Error(`bun-types is ${version}, but Bun is pinned to ${bunVersion}`);
  }
  const page = readFileSync(join(directory, "docs/project/license.mdx"), "utf8");
  return page.replace(/^---\n.*?\n---\n/s, "").trim();
}

/** The parts that the page lists, those for other platforms left out. */
export function bunParts(page: string): BunPart[] {
  return page
    .split("\n")
    .map((line) =>
      /^\|(?<cell>.*?\[(?<name>.*?)\]\((?<url>.*?)\).*?)\|(?<license>.*)\|$/.exec(line),
    )
    .map((match) => match?.groups)
    .filter((groups) => groups !== undefined && !groups["cell"]?.includes("(on Windows)"))
    .map((groups) => ({
      name: withoutMarkup(groups?.["name"] ?? ""),
      url: groups?.["url"] ?? "",
      license: withoutMarkup(groups?.["license"] ?? ""),
    }));
}

function withoutMarkup(text: string): string {
  return text
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll("`", "")
    .trim();
}
