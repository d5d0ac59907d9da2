import type { ChangelogSection } from "./changelog.ts";

/** The facts that decide if a release is possible. */
export interface ReleaseFacts {
  /** The version in package.json. */
  readonly version: string;
  /** Tags of the current commit. */
  readonly tags: readonly string[];
  /** Paths that `git status --porcelain` lists: changed, or untracked and not ignored. */
  readonly changed: readonly string[];
  /** The version's section of the changelog; undefined if there is none. */
  readonly section: ChangelogSection | undefined;
  /** Variables of `deploy/image/bases.env` whose image has no digest: docker-build.sh pushes no image on such a base. */
  readonly unpinned: readonly string[];
  /** Web address of the sources that package.json names. */
  readonly sources: string;
  /** Web address of the repository that releases; undefined outside of GitHub's actions. */
  readonly releasedBy: string | undefined;
}

/** The obstacle to `install.yaml`, which is written after the image was pushed. */
export const noDigest =
  "install.yaml needs the digest of the pushed image. Add --image-digest sha256:…";

/** Most file names in one message. */
const MOST_NAMED = 5;

/** The obstacles to a release, each with its remedy; empty if there are none. */
export function refusals(facts: ReleaseFacts): string[] {
  const { version, tags, changed, section, unpinned, sources, releasedBy } = facts;
  const found: string[] = [];
  if (changed.length > 0) {
    const named = changed.slice(0, MOST_NAMED).join(", ");
    const more = changed.length > MOST_NAMED ? ` and ${changed.length - MOST_NAMED} more` : "";
    found.push(`the tree is not clean: ${named}${more}. Commit it, or put it away.`);
  }
  const wanted = `v${version}`;
  if (!tags.includes(wanted)) {
    const others = tags.length === 0 ? "no tag" : tags.join(", ");
    found.push(
      `package.json says ${version}, so this commit needs the tag ${wanted}; it has ${others}. git tag -a ${wanted}`,
    );
  }
  if (section === undefined) {
    found.push(`CHANGELOG.md has no section "## ${version} - YYYY-MM-DD".`);
  } else if (section.date === undefined) {
    found.push(
      `CHANGELOG.md has no date for ${version}. Make its heading "## ${version} - YYYY-MM-DD".`,
    );
  } else if (section.notes === "") {
    found.push(`CHANGELOG.md says nothing of ${version}.`);
  }
  if (unpinned.length > 0) {
    found.push(
      `deploy/image/bases.env has no digest for ${unpinned.join(" and ")}. Run "bun deploy/image/pin-bases.ts" and commit.`,
    );
  }
  // GitHub's addresses have no upper and lower case.
  if (releasedBy !== undefined && releasedBy.toLowerCase() !== sources.toLowerCase()) {
    found.push(
      `package.json names ${sources}, and ${releasedBy} releases. Change "repository", run "bun run docs" and commit.`,
    );
  }
  return found;
}
