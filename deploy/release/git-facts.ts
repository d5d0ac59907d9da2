/** The facts of a checkout that a release needs. */
export interface GitFacts {
  /** Tags of the current commit. */
  readonly tags: readonly string[];
  /** All tags that look like a release, `v1.2.3`. */
  readonly releases: readonly string[];
  readonly changed: readonly string[];
  readonly tracked: readonly string[];
  /** When the commit was made, in seconds since 1970. */
  readonly committed: number;
}

/**
 * Reads the facts from git.
 *
 * @throws Error without a checkout or a commit.
 */
export function gitFacts(root: string): GitFacts {
  const git = (...args: string[]) => ask(root, args);
  return {
    tags: lines(git("tag", "--points-at", "HEAD")),
    releases: lines(git("tag", "--list", "v*")),
    // "XY path", where XY is its state (git-status(1), "Short Format").
    changed: git("status", "--porcelain", "--no-renames", "-z")
      .split("\0")
      .flatMap((entry) => entry.slice(3) || []),
    tracked: git("ls-files", "-z").split("\0").filter(Boolean),
    committed: Number(git("log", "-1", "--format=%ct")),
  };
}

function ask(root: string, args: readonly string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["git", ...args], { cwd: root });
  if (exitCode !== 0) throw new Error(`git ${args.join(" ")}: ${stderr.toString().trim()}`);
  return stdout.toString();
}

function lines(text: string): string[] {
  return text.split("\n").filter(Boolean);
}

/**
 * The time of all files of a release: `SOURCE_DATE_EPOCH`
 * (https://reproducible-builds.org/specs/source-date-epoch/), else the commit's.
 *
 * @throws Error if it isn't a whole number of seconds.
 */
export function releaseTime(epoch: string | undefined, committed: number): number {
  if (epoch === undefined || epoch === "") return committed;
  if (/^\d{1,11}$/.test(epoch)) return Number(epoch);
  throw new Error(`SOURCE_DATE_EPOCH: expected seconds since 1970, got "${epoch}"`);
}
