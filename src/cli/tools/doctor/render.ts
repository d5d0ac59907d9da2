import type { Check, CheckState } from "./check.ts";

const MARKS: Readonly<Record<CheckState, string>> = { ok: "✓", warning: "!", problem: "✗" };

/** ECMA-48 SGR: green, yellow, red. */
const COLOURS: Readonly<Record<CheckState, number>> = { ok: 32, warning: 33, problem: 31 };

/** A line a check, its remedy on the next, and a last line that sums up; ends with a line break. */
export function renderChecks(checks: readonly Check[], colour: boolean): string {
  const width = Math.max(...checks.map(({ title }) => title.length));
  const paint = (text: string, code: number) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const lines = checks.flatMap(({ title, state, detail, remedy }) => [
    `${paint(MARKS[state], COLOURS[state])} ${title.padEnd(width)}  ${detail}`,
    ...(remedy === undefined ? [] : [`  ${" ".repeat(width)}  ${paint(`→ ${remedy}`, 1)}`]),
  ]);
  return `${[...lines, "", verdict(checks)].join("\n")}\n`;
}

function verdict(checks: readonly Check[]): string {
  const count = (state: CheckState) => checks.filter((check) => check.state === state).length;
  const [problems, warnings] = [count("problem"), count("warning")];
  const noun = (number: number, word: string) => `${number} ${word}${number === 1 ? "" : "s"}`;
  if (problems > 0) return `The plugin can't do its job here: ${noun(problems, "problem")}.`;
  if (warnings > 0) return `The plugin can do its job here; ${noun(warnings, "warning")}.`;
  return "The plugin can do its job here.";
}
