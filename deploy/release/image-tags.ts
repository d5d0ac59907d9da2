/** The version `text` names, as Semantic Versioning 2.0.0 has them; undefined if it names none. */
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
 * Tags that an image of a version gets. The whole version always; `1.2`, `1` and `latest` only as long as they don't go
 * backwards, so that a fix of an old release leaves them where they are. A prerelease is nobody's latest, and of
 * the major version 0 any minor one may break what was before (https://semver.org/#spec-item-4): no `0`.
 *
 * @param released all versions that were released so far; whether this one is among them makes no difference.
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
