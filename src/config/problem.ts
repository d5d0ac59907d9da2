import { describeOrigin, type Origin } from "./origin.ts";

/** One thing wrong with the input. */
export interface Problem {
  /** What it is about: a flag (`--max-devices`), an argument, or a place in an env-file (`x.env:3`). */
  readonly subject: string;
  /** What is wrong and what was expected, without a final full stop. */
  readonly text: string;
}

/** Longest part of a value that is repeated in a message, in characters. */
const MAX_QUOTED = 120;

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

/** A line for each problem and a last one that says where to read on; ends with a line break. */
export function formatProblems(problems: readonly Problem[], helpCommand: string): string {
  const lines = problems.map(({ subject, text }) => escapeControls(`${subject}: ${text}`));
  return `${[...lines, `See "${helpCommand}".`].join("\n")}\n`;
}

/** Text in double quotes on one line: control characters escaped, what is very long cut. */
export function quote(text: string): string {
  const characters = [...text];
  const shown =
    characters.length > MAX_QUOTED ? `${characters.slice(0, MAX_QUOTED).join("")}…` : text;
  return JSON.stringify(shown);
}

/** Keeps a path or an argument from breaking the line or steering the terminal. */
function escapeControls(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
