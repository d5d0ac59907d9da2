import { type Colour, paint } from "../tools/table.ts";
import type { Check, CheckState } from "./check.ts";

const marks: Readonly<Record<CheckState, string>> = { ok: "✓", warning: "!", problem: "✗" };

const colours: Readonly<Record<CheckState, Colour>> = {
  ok: "green",
  warning: "yellow",
  problem: "red",
};

/** A line for each check, its remedy below it, and a summary as the last line; ends with a line break. */
export function renderChecks(checks: readonly Check[], colour: boolean): string {
  const width = Math.max(...checks.map(({ title }) => title.length));
  const lines = checks.flatMap(({ title, state, detail, remedy }) => [
    `${paint(marks[state], colours[state], { colour })} ${title.padEnd(width)}  ${detail}`,
    ...(remedy === undefined
      ? []
      : [`  ${" ".repeat(width)}  ${paint(`→ ${remedy}`, "bold", { colour })}`]),
  ]);
  return `${[...lines, "", summarise(checks)].join("\n")}\n`;
}

function summarise(checks: readonly Check[]): string {
  const count = (state: CheckState) => checks.filter((check) => check.state === state).length;
  const [problems, warnings] = [count("problem"), count("warning")];
  const noun = (number: number, word: string) => `${number} ${word}${number === 1 ? "" : "s"}`;
  if (problems > 0) return `The plugin can't work here: ${noun(problems, "problem")}.`;
  if (warnings > 0) return `The plugin can work here; ${noun(warnings, "warning")}.`;
  return "The plugin can work here.";
}
