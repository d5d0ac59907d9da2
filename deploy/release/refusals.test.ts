import { expect, test } from "bun:test";
import { type ReleaseFacts, refusals } from "./refusals.ts";

const ready: ReleaseFacts = {
  version: "1.2.3",
  tags: ["v1.2.3"],
  changed: [],
  section: { date: "2026-11-23", notes: "- A thing." },
  unpinned: [],
  sources: "https://github.com/acme/cameras",
  releasedBy: undefined,
};
const of = (facts: Partial<ReleaseFacts>) => refusals({ ...ready, ...facts });

test("a clean tree at its tag, with a dated section, is released", () => {
  expect(of({})).toEqual([]);
});

test("a tree with changes is not released, and the changes are named", () => {
  expect(of({ changed: ["src/main.ts"] })).toEqual([
    "the tree is not clean: src/main.ts. Commit it, or put it away.",
  ]);
  expect(of({ changed: ["a", "b", "c", "d", "e", "f", "g"] })).toEqual([
    "the tree is not clean: a, b, c, d, e and 2 more. Commit it, or put it away.",
  ]);
});

test("a commit without its version's tag is not released", () => {
  expect(of({ tags: [] })).toEqual([
    "package.json says 1.2.3, so this commit needs the tag v1.2.3; it has no tag. git tag -a v1.2.3",
  ]);
});

test("a tag of another version is reported", () => {
  expect(of({ tags: ["v1.2.2", "1.2.3"] })).toEqual([
    "package.json says 1.2.3, so this commit needs the tag v1.2.3; it has v1.2.2, 1.2.3. git tag -a v1.2.3",
  ]);
});

test("a changelog without the version, its date or any text is reported", () => {
  expect(of({ section: undefined })).toEqual([
    'CHANGELOG.md has no section "## 1.2.3 - YYYY-MM-DD".',
  ]);
  expect(of({ section: { date: undefined, notes: "- A thing." } })).toEqual([
    'CHANGELOG.md has no date for 1.2.3. Make its heading "## 1.2.3 - YYYY-MM-DD".',
  ]);
  expect(of({ section: { date: "2026-11-23", notes: "" } })).toEqual([
    "CHANGELOG.md says nothing of 1.2.3.",
  ]);
});

test("bases without a digest are reported", () => {
  expect(of({ unpinned: ["BUN_IMAGE", "BASE_IMAGE"] })).toEqual([
    "deploy/image/bases.env has no digest for BUN_IMAGE and BASE_IMAGE. " +
      'Run "bun deploy/image/pin-bases.ts" and commit.',
  ]);
});

test("a repository that package.json does not name releases nothing", () => {
  expect(of({ releasedBy: "https://github.com/Acme/cameras" })).toEqual([]);
  expect(of({ releasedBy: "https://github.com/fork/cameras" })).toEqual([
    "package.json names https://github.com/acme/cameras, and https://github.com/fork/cameras releases. " +
      'Change "repository", run "bun run docs" and commit.',
  ]);
});

test("all obstacles are reported at once", () => {
  const unpinned = ["BASE_IMAGE"];
  expect(of({ changed: ["a"], tags: [], section: undefined, unpinned })).toHaveLength(4);
});
