import type { FlagSpec } from "../../config/argv.ts";
import { flagSpecOf, flagSpecs } from "../../config/load-config.ts";
import type { ListedCommand } from "../command.ts";

/** What the scripts know of one command. */
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
  /** Whether a value follows. */
  readonly takesValue: boolean;
  /** What the value may be; empty if that can't be counted: then files are offered. */
  readonly choices: readonly string[];
}

const HELP: CompletedFlag = {
  flag: "--help",
  description: "Show the help",
  takesValue: false,
  choices: [],
};

/** Loads every command and takes from each what can be completed. */
export async function grammarOf(commands: readonly ListedCommand[]): Promise<CompletedCommand[]> {
  return Promise.all(
    commands.map(async ({ name, summary, load }) => {
      const { syntax } = await load();
      const { flags = [], options = [] } = syntax;
      const specs = [...flags, ...(options === "all" ? flagSpecs : options.map(flagSpecOf))];
      // an own flag may stand for the option of the same name
      const own = new Map(specs.toReversed().map((spec) => [spec.flag, spec]));
      return {
        name,
        summary,
        flags: [...[...own.values()].toReversed().flatMap(formsOf), HELP],
        words: syntax.words ?? [],
        devices: syntax.devices ?? false,
      };
    }),
  );
}

function formsOf(spec: FlagSpec): CompletedFlag[] {
  const { flag, isSwitch, expected, description, choices = [] } = spec;
  const form = (dashed: string, text: string): CompletedFlag => ({
    flag: dashed,
    description: clauseOf(text),
    takesValue: !isSwitch,
    choices,
  });
  const text = description ?? (isSwitch ? "" : expected);
  const forms = [form(`--${flag}`, text)];
  // only the switches among the options of run are worth turning off
  if (isSwitch && expected !== "nothing") forms.push(form(`--no-${flag}`, `Not: ${text}`));
  return forms;
}

/** Where a description is long enough to be cut at the next comma or the like, in characters. */
const CLAUSE = 20;

/** The beginning of a sentence that says enough beside a flag. */
function clauseOf(text: string): string {
  const end = text.slice(CLAUSE).search(/[,;:] /);
  return (end === -1 ? text : text.slice(0, CLAUSE + end)).replace(/\.$/, "");
}
