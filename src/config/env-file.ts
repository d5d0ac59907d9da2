import { parseEnv } from "node:util";
import type { Problem } from "./problem.ts";
import { didYouMean, suggest } from "./suggest.ts";

/** A variable of an env-file and the line it stands on, counted from 1. */
export interface EnvFileValue {
  readonly text: string;
  readonly line: number;
}

/** The known variables of an env-file, and all that wasn't understood. */
export interface ParsedEnvFile {
  readonly values: ReadonlyMap<string, EnvFileValue>;
  readonly problems: readonly Problem[];
}

/** Edits that make a foreign variable "looks like ours": more would catch other programs' variables. */
const MAX_EDITS = 2;

/**
 * Reads the text of an env-file. Values may be quoted with `'`, `"` or a backtick, unquoted ones end
 * at a `#`; nothing is expanded. Variables of other programs are passed over, but one that is nearly
 * ours is a problem, for it would be a setting silently lost.
 *
 * Each line goes to `parseEnv` alone: it keeps line numbers, and in Bun 1.4 an invalid line would
 * otherwise join with the next (`A`, `=1` gives A=1). No value of ours spans lines.
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
  const nearest = suggest(name, known, MAX_EDITS);
  // being the beginning of one of ours is no typing slip: V4L2, NODE
  return nearest?.startsWith(name) && nearest.length - name.length > MAX_EDITS
    ? undefined
    : nearest;
}
