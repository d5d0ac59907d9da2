/** A version's part of `CHANGELOG.md`. */
export interface ChangelogSection {
  /** `2026-11-23`; undefined if the heading has none, as for unreleased changes. */
  readonly date: string | undefined;
  /** Markdown, without the heading. */
  readonly notes: string;
}

/**
 * The section of a version, or of `Unreleased`: `## [1.2.3] - 2026-11-23`, the brackets being optional
 * (https://keepachangelog.com/en/1.1.0/). It ends at the next heading, or at the links of headings. Undefined if there
 * is no such section.
 */
export function changelogSection(changelog: string, name: string): ChangelogSection | undefined {
  const lines = changelog.split("\n");
  const from = lines.findIndex((line) => heading(line)?.name === name);
  if (from < 0) return undefined;
  const rest = lines.slice(from + 1);
  const length = rest.findIndex((line) => /^## /.test(line) || /^\[[^\]]+\]: /.test(line));
  const notes = rest.slice(0, length < 0 ? rest.length : length).join("\n");
  return { date: heading(lines[from] ?? "")?.date, notes: notes.trim() };
}

function heading(line: string): { name: string; date: string | undefined } | undefined {
  const [, name, date] = /^## \[?([^\]\s]+)\]?(?: - (\d{4}-\d{2}-\d{2}))?\s*$/.exec(line) ?? [];
  return name === undefined ? undefined : { name, date };
}
