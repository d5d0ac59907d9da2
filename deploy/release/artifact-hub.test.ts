import { expect, test } from "bun:test";
import { YAML } from "bun";
import { changesOf, withChanges } from "./artifact-hub.ts";

const notes = `An introduction.

- No item of a section.

### Added

- Devices of v4l2loopback 0.15, made
  one by one. A second sentence.
- Commands: doctor, status.

### Fixed

- A "crash"
`;

test("changes are the first sentences of the changelog's items, with their section", () => {
  expect(changesOf(notes)).toEqual([
    { kind: "added", description: "Devices of v4l2loopback 0.15, made one by one." },
    { kind: "added", description: "Commands: doctor, status." },
    { kind: "fixed", description: 'A "crash"' },
  ]);
});

test("Chart.yaml gets the changes as an annotation, and says if it is a prerelease", () => {
  const chart = 'name: x\nannotations:\n  artifacthub.io/prerelease: "false"\n';
  const { annotations } = YAML.parse(withChanges(chart, notes, true)) as {
    annotations: Record<string, string>;
  };
  expect(annotations["artifacthub.io/prerelease"]).toBe("true");
  expect(YAML.parse(annotations["artifacthub.io/changes"] ?? "")).toEqual(changesOf(notes));
  expect(withChanges(chart, "", false)).toBe(chart);
});
