import { describeOrigin, type Origin } from "./origin.ts";

/** One mistake in the input. */
export interface Problem {
  /** Where it is: a flag (`--max-devices`), an argument, or a place in an env-file (`x.env:3`). */
  readonly subject: string;
  /** What is wrong and what was expected, without a final full stop. */
  readonly text: string;
}

/** Longest part of a value in a message, in characters. */
const maxQuoted = 120;

/** A problem with an option's value. `reason` adds what `expected` alone does not say. */
export function valueProblem(
  flag: string,
  given: { readonly text: string; readonly origin?: Origin },
  expected: string,
  reason?: string,
): Problem {
  const { text, origin } = given;
  const from = origin?.source === "default" ? "" : "from ";
  const where = origin === undefined ? "" : ` (${from}${describeOrigin(origin)})`;
  const more = reason === undefined ? "" : `; ${reason}`;
  return {
    subject: `--${flag}`,
    text: `got ${quote(text)}${where}, expected ${expected}${more}`,
  };
}

/** A line for each problem and a last one that names the help; ends with a line break. */
export function formatProblems(problems: readonly Problem[], helpCommand: string): string {
  const lines = problems.map(({ subject, text }) => escapeControls(`${subject}: ${text}`));
  return `${[...lines, `See "${helpCommand}".`].join("\n")}\n`;
}

/** Text in double quotes on one line, with control characters escaped and a long text cut. */
export function quote(text: string): string {
  const characters = [...text];
  const shown =
    characters.length > maxQuoted ? `${characters.slice(0, maxQuoted).join("")}…` : text;
  return JSON.stringify(shown);
}

/** Escapes what would break the line or steer the terminal. */
function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
