/** Sections of the changelog (https://keepachangelog.com/en/1.1.0/), which are also Artifact Hub's kinds of changes. */
const kinds = ["added", "changed", "deprecated", "removed", "fixed", "security"];

/** A change as Artifact Hub shows it. */
interface Change {
  readonly kind: string;
  readonly description: string;
}

/** The first sentence of each item in the sections of a version's changes; items before a section are left out. */
export function changesOf(notes: string): Change[] {
  return notes.split(/^### /m).flatMap((section) => {
    const [title = "", ...lines] = section.split("\n");
    const kind = title.trim().toLowerCase();
    if (!kinds.includes(kind)) return [];
    const items = lines.join("\n").split(/^- /m).slice(1);
    return items.map((item) => ({ kind, description: firstSentence(item) }));
  });
}

function firstSentence(item: string): string {
  const text = item.replaceAll(/\s+/g, " ").trim();
  // A full stop in a version or a file's name is followed by no space.
  return /^.*?\.(?= |$)/.exec(text)?.[0] ?? text;
}

/**
 * `Chart.yaml` with the version's changes as Artifact Hub reads them
 * (https://artifacthub.io/docs/topics/annotations/helm/).
 *
 * @param chart its text, which ends with its annotations.
 */
export function withChanges(chart: string, notes: string, isPrerelease: boolean): string {
  const changes = changesOf(notes).map(
    ({ kind, description }) =>
      `    - kind: ${kind}\n      description: ${JSON.stringify(description)}\n`,
  );
  const text = chart.replace(/(artifacthub\.io\/prerelease: )"\w+"/, `$1"${isPrerelease}"`);
  return changes.length === 0 ? text : `${text}  artifacthub.io/changes: |\n${changes.join("")}`;
}
