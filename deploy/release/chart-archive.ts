import { readFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { names } from "../names/names.ts";
import { withChanges } from "./artifact-hub.ts";
import { parseVersion } from "./image-tags.ts";
import { linkToPages } from "./relink.ts";
import { tarball } from "./tarball.ts";

const directory = "deploy/helm/video-device-plugin/";

/** The chart's file in a release: `video-device-plugin-1.2.3.tgz`, as `helm package` names it. */
export const chartArchiveName = `${manifest.name}-${manifest.version}.tgz`;

/**
 * The chart as `helm push` and `helm install` read it: what `helm package` makes, with the same bytes for the same commit,
 * which helm's time of day prevents. Links in its README lead to the pages of the version's tag, and Chart.yaml has the
 * version's changes.
 *
 * @param tracked paths of all files in git, relative to `root`; other files are not released.
 * @param seconds since 1970, the time of all files.
 * @param notes the version's section of the changelog.
 */
export function chartArchive(
  root: string,
  tracked: readonly string[],
  seconds: number,
  notes: string,
): Uint8Array {
  const isPrerelease = parseVersion(manifest.version)?.prerelease ?? false;
  const page = `${names.sources}/blob/v${manifest.version}`;
  const files = tracked
    .filter((path) => path.startsWith(directory))
    .map((from) => {
      const file = { path: from.slice(directory.length), source: join(root, from) };
      const text = () => readFileSync(file.source, "utf8");
      const executable = false;
      switch (file.path) {
        case "README.md":
          return { ...file, text: linkToPages(text(), from, page), executable };
        case "Chart.yaml":
          return { ...file, text: withChanges(text(), notes, isPrerelease), executable };
        default:
          return { ...file, executable };
      }
    });
  return tarball(manifest.name, files, seconds);
}
