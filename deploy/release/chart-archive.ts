import { readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { names } from "../names/names.ts";
import { linkToPages } from "./relink.ts";
import { tarball } from "./tarball.ts";

const directory = "deploy/helm/video-device-plugin/";

/** The chart's file in a release: `video-device-plugin-1.2.3.tgz`, as `helm package` names it. */
export const chartArchiveName = `${manifest.name}-${manifest.version}.tgz`;

/**
 * The chart as `helm push` and `helm install` read it: what `helm package` makes, with the same bytes for the same commit,
 * which helm's time of day prevents. Links in its README lead to the pages of the version's tag.
 *
 * @param tracked paths of all files in git, relative to `root`; other files are not released.
 * @param seconds since 1970, the time of all files.
 */
export function chartArchive(
  root: string,
  tracked: readonly string[],
  seconds: number,
): Uint8Array {
  const page = `${names.sources}/blob/v${manifest.version}`;
  const files = tracked
    .filter((path) => path.startsWith(directory))
    .map((from) => {
      const file = { path: from.slice(directory.length), source: join(root, from) };
      if (!from.endsWith(".md")) return { ...file, executable: false };
      const text = linkToPages(readFileSync(file.source, "utf8"), from, page);
      return { ...file, text, executable: false };
    });
  return tarball(manifest.name, files, seconds);
}
