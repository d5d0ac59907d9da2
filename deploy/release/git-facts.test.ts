import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gitFacts, releaseTime } from "./git-facts.ts";

function inCheckout<Result>(
  play: (root: string, git: (...args: string[]) => void) => Result,
): Result {
  const root = mkdtempSync(join(tmpdir(), "checkout-"));
  const git = (...args: string[]) => {
    const identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
    const env = { ...process.env, GIT_COMMITTER_DATE: "@1700000000 +0000" };
    const { exitCode, stderr } = Bun.spawnSync(["git", ...identity, ...args], { cwd: root, env });
    if (exitCode !== 0) throw new Error(stderr.toString());
  };
  try {
    return play(root, git);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test("a checkout has tags, files, changes and the commit's time", () => {
  inCheckout((root, git) => {
    git("init", "--quiet");
    writeFileSync(join(root, "a file"), "1");
    git("add", ".");
    git("commit", "--quiet", "--message=first");
    git("tag", "v1.0.0");
    git("commit", "--quiet", "--allow-empty", "--message=second");
    git("tag", "v1.1.0");
    expect(gitFacts(root)).toEqual({
      tags: ["v1.1.0"],
      releases: ["v1.0.0", "v1.1.0"],
      changed: [],
      tracked: ["a file"],
      committed: 1_700_000_000,
    });
    git("mv", "a file", "another");
    writeFileSync(join(root, "new"), "");
    expect(gitFacts(root).changed).toEqual(["a file", "another", "new"]);
  });
});

test("a directory without a checkout is an error", () => {
  inCheckout((root) => expect(() => gitFacts(root)).toThrow("not a git repository"));
});

test("the time is SOURCE_DATE_EPOCH's, else the commit's", () => {
  expect(releaseTime("1600000000", 1)).toBe(1_600_000_000);
  expect(releaseTime(undefined, 1)).toBe(1);
  expect(releaseTime("", 1)).toBe(1);
  expect(() => releaseTime("yesterday", 1)).toThrow(
    'SOURCE_DATE_EPOCH: expected seconds since 1970, got "yesterday"',
  );
});
