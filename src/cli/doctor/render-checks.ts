import { wrap } from "../../config/wrap.ts";
import { type Colour, paint } from "../tools/table.ts";
import type { Check, CheckState } from "./check.ts";

const marks: Readonly<Record<CheckState, string>> = { ok: "✓", warning: "!", problem: "✗" };

const colours: Readonly<Record<CheckState, Colour>> = {
  ok: "green",
  warning: "yellow",
  problem: "red",
};

/** How to show checks. */
export interface ChecksView {
  readonly colour: boolean;
  /** Columns at which texts are wrapped. */
  readonly columns: number;
}

/**
 * A paragraph for each check, its remedy below it, and a summary as the last line; ends with a line break. The kernel's
 * names and paths may be longer than a line, and stay whole.
 */
export function renderChecks(checks: readonly Check[], { colour, columns }: ChecksView): string {
  const width = Math.max(...checks.map(({ title }) => title.length));
  const indent = " ".repeat(width + 4);
  const lines = checks.flatMap(({ title, state, detail, remedy }) => {
    const [first = "", ...more] = wrap(detail, columns - indent.length);
    const advice = remedy === undefined ? [] : wrap(remedy, columns - indent.length - 2);
    return [
      `${paint(marks[state], colours[state], { colour })} ${title.padEnd(width)}  ${first}`,
      ...more.map((line) => indent + line),
      ...advice.map(
        (line, at) => indent + paint(`${at === 0 ? "→" : " "} ${line}`, "bold", { colour }),
      ),
    ];
  });
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
