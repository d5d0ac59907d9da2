import { expect, test } from "bun:test";
import { changelogSection } from "./changelog.ts";

const changelog = `# Changelog

## Unreleased

### Added

- A thing.

## [1.2.0] - 2026-11-23

### Fixed

- Another thing,
  in two lines.

## 1.1.0 - 2026-10-01

- The first.

[1.2.0]: https://example.com/v1.2.0
`;

test("a version's section lies between its heading and the next one", () => {
  expect(changelogSection(changelog, "1.2.0")).toEqual({
    date: "2026-11-23",
    notes: "### Fixed\n\n- Another thing,\n  in two lines.",
  });
});

test("a heading may have no brackets, and the links at the end belong to no section", () => {
  expect(changelogSection(changelog, "1.1.0")).toEqual({
    date: "2026-10-01",
    notes: "- The first.",
  });
});

test("the unreleased section has no date", () => {
  expect(changelogSection(changelog, "Unreleased")).toEqual({
    date: undefined,
    notes: "### Added\n\n- A thing.",
  });
});

test("a version without a heading has no section, even if another one begins with it", () => {
  expect(changelogSection(changelog, "1.2")).toBeUndefined();
  expect(changelogSection(changelog, "1.2.0-rc.1")).toBeUndefined();
});

test("an empty section has empty notes", () => {
  expect(changelogSection("## 2.0.0 - 2027-01-01\n", "2.0.0")?.notes).toBe("");
});
