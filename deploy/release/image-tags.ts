/** Parses a version of Semantic Versioning 2.0.0; undefined if `text` is none. */
export function parseVersion(text: string): Version | undefined {
  // Build metadata ("+5") is left out: a tag of an image can't have it.
  const found = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?$/.exec(text);
  const [, major, minor, , prerelease] = found ?? [];
  if (major === undefined || minor === undefined) return undefined;
  return { text, major, minor: `${major}.${minor}`, prerelease: prerelease !== undefined };
}

export interface Version {
  readonly text: string;
  /** `1` of 1.2.3. */
  readonly major: string;
  /** `1.2` of 1.2.3. */
  readonly minor: string;
  readonly prerelease: boolean;
}

/**
 * Tags of a version's image. The whole version always; `1.2`, `1` and `latest` only if they don't go backwards, so that
 * a fix of an old release doesn't move them. A prerelease has only its own tag. There is no tag `0`, since any minor
 * version of the major version 0 may break the previous one (https://semver.org/#spec-item-4).
 *
 * @param released all versions released so far, with or without this one.
 */
export function imageTags(version: Version, released: readonly Version[]): string[] {
  if (version.prerelease) return [version.text];
  const newer = released.filter(
    (other) => !other.prerelease && Bun.semver.order(other.text, version.text) > 0,
  );
  const tags = [version.text];
  if (newer.every(({ minor }) => minor !== version.minor)) tags.push(version.minor);
  if (version.major !== "0" && newer.every(({ major }) => major !== version.major)) {
    tags.push(version.major);
  }
  if (newer.length === 0) tags.push("latest");
  return tags;
}
