import type { Flag } from "../../config/parse-arguments.ts";
import { optionFlags } from "../arguments.ts";
import type { ListedCommand } from "../command.ts";

/** One command as the scripts need it. */
export interface CompletedCommand {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly CompletedFlag[];
  readonly words: readonly string[];
  readonly devices: boolean;
}

export interface CompletedFlag {
  /** With its dashes. */
  readonly flag: string;
  readonly description: string;
  /** True if a value follows. */
  readonly takesValue: boolean;
  /** The allowed values, if there is a fixed list; if it is empty, the scripts offer files. */
  readonly choices: readonly string[];
}

const helpFlag: CompletedFlag = {
  flag: "--help",
  description: "Show the help",
  takesValue: false,
  choices: [],
};

/** Loads every command and collects what can be completed. */
export async function grammarOf(commands: readonly ListedCommand[]): Promise<CompletedCommand[]> {
  return Promise.all(
    commands.map(async ({ name, summary, load }) => {
      const { syntax } = await load();
      const all = [...(syntax.flags ?? []), ...optionFlags(syntax.options)];
      return {
        name,
        summary,
        flags: [...all.flatMap(formsOf), helpFlag],
        words: syntax.words ?? [],
        devices: syntax.devices ?? false,
      };
    }),
  );
}

function formsOf({ flag, type, description }: Flag): CompletedFlag[] {
  const { isSwitch, expected, choices = [] } = type;
  const form = (dashed: string, text: string): CompletedFlag => ({
    flag: dashed,
    description: clauseOf(text),
    takesValue: !isSwitch,
    choices,
  });
  const text = description ?? (isSwitch ? "" : expected);
  const forms = [form(`--${flag}`, text)];
  // A switch that expects nothing is a command's own, which is off anyway.
  if (isSwitch && expected !== "nothing") forms.push(form(`--no-${flag}`, `Not: ${text}`));
  return forms;
}

/** Characters of a description that are kept before it is cut at the next comma or the like. */
const clauseMinimum = 20;

/** The beginning of a sentence, short enough to stand beside a flag. */
function clauseOf(text: string): string {
  const end = text.slice(clauseMinimum).search(/[,;:] /);
  return (end === -1 ? text : text.slice(0, clauseMinimum + end)).replace(/\.$/, "");
}
