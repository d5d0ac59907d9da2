import { parseEnv } from "node:util";
import type { Problem } from "./problem.ts";
import { didYouMean, suggest } from "./suggest.ts";

/** A variable of an env-file and the line it stands on, counted from 1. */
export interface EnvFileValue {
  readonly text: string;
  readonly line: number;
}

/** The known variables of an env-file, and its problems. */
export interface ParsedEnvFile {
  readonly values: ReadonlyMap<string, EnvFileValue>;
  readonly problems: readonly Problem[];
}

/** Edits by which a variable may differ from one of ours to count as a misspelling of it. */
const maxEdits = 2;

/**
 * Parses an env-file. Values may be quoted with `'`, `"` or a backtick; unquoted values end at a `#`; nothing is
 * expanded. Variables of other programs are ignored, but a misspelling of one of ours is a problem: otherwise the
 * setting would be lost silently.
 *
 * Each line goes to `parseEnv` alone. This keeps line numbers, and Bun 1.4 would join an invalid line with the next
 * (`A`, `=1` become A=1). No value of ours spans lines.
 */
export function parseEnvFile(
  path: string,
  content: string,
  known: readonly string[],
): ParsedEnvFile {
  const values = new Map<string, EnvFileValue>();
  const problems: Problem[] = [];
  const lines = content.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);

  for (const [index, raw] of lines.entries()) {
    const line = index + 1;
    const report = (text: string) => problems.push({ subject: `${path}:${line}`, text });
    const trimmed = raw.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;

    const assignment = /^(?:export\s+)?([A-Za-z_][\w.-]*)\s*=\s*(.*)$/s.exec(trimmed);
    const [, name = "", rest = ""] = assignment ?? [];
    const text = assignment === null ? undefined : parseEnv(trimmed)[name];
    if (text === undefined) {
      report("not understood, expected NAME=value or a comment that starts with #");
      continue;
    }
    if (!known.includes(name)) {
      const meant = known.find((candidate) => candidate === name.toUpperCase());
      const nearest = meant ?? suggestOnlyNear(name, known);
      if (nearest !== undefined) report(`${name}: unknown variable${didYouMean(nearest)}`);
      continue;
    }
    if (text === "" && /^#[0-9a-f]{6}$/i.test(rest)) {
      report(`${name}: ${rest} is a comment here, expected quotes around a colour`);
      continue;
    }
    const quoteMark = /^['"`]/.exec(rest)?.[0];
    const earlier = values.get(name);
    if (
      quoteMark !== undefined &&
      text.startsWith(quoteMark) &&
      !rest.slice(1).includes(quoteMark)
    ) {
      report(`${name}: its quote is not closed on the same line`);
    } else if (earlier !== undefined) {
      report(`${name}: already set on line ${earlier.line}, expected it at most once`);
    } else {
      values.set(name, { text, line });
    }
  }
  return { values, problems };
}

function suggestOnlyNear(name: string, known: readonly string[]): string | undefined {
  const nearest = suggest(name, known, maxEdits);
  // The beginning of one of ours is no misspelling: V4L2, NODE
  return nearest?.startsWith(name) && nearest.length - name.length > maxEdits ? undefined : nearest;
}
