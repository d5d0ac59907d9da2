import { type Option, options } from "../config/options.ts";
import { defaultInWords } from "../config/render-help.ts";
import { wrap } from "../config/wrap.ts";
import { type ArgumentsSpec, flagsOf, type OwnFlags } from "./arguments.ts";
import { program } from "./command.ts";

/** What a command's help says beside its options. */
export interface HelpText {
  /** Forms of the command line, each to follow the program's name. */
  readonly usage: readonly string[];
  /** Paragraphs with an empty line between them. One that starts with spaces keeps its lines, others are wrapped. */
  readonly about: string;
  /** What the exit codes mean, from 0 on. */
  readonly exitCodes?: readonly string[];
  readonly examples?: readonly string[];
}

const width = 80;

/** The text of `<command> --help`; ends with a line break. */
export function renderCommandHelp(
  { usage, about, exitCodes = [], examples = [] }: HelpText,
  { flags, options: keys = [] }: ArgumentsSpec<OwnFlags>,
): string {
  const own = flagsOf(flags).map(({ flag, short, type, description = "" }): Entry => {
    const letter = short === undefined ? "" : `-${short}, `;
    return [`${letter}--${flag}${type.isSwitch ? "" : ` ${type.placeholder}`}`, description];
  });
  const shared = keys === "all" ? [] : keys.map((key) => optionEntry(options[key]));
  const blocks = [
    usage.map((form, at) => `${at === 0 ? "Usage:" : "      "} ${program} ${form}`),
    ...about.split("\n\n").map((text) => (text.startsWith(" ") ? [text] : wrap(text, width))),
    ["Options:", ...renderEntries([...own, ...shared, ["--help", "Shows this text."]])],
    keys === "all"
      ? wrap(`The options of "${program} run" and their variables apply as well.`, width)
      : [],
    exitCodes.length === 0
      ? []
      : ["Exit codes:", ...renderEntries(exitCodes.map((text, code) => [String(code), text]))],
    examples.length === 0 ? [] : ["Examples:", ...examples.map((line) => `  ${line}`)],
  ];
  const texts = blocks.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return `${texts.join("\n\n")}\n`;
}

/** What stands at the left, and what it does. */
type Entry = readonly [string, string];

function optionEntry(option: Option<unknown>): Entry {
  const { flag, env, type, description } = option;
  return [
    `--${flag} ${type.placeholder}`,
    `${description} [${env}, default ${defaultInWords(option)}]`,
  ];
}

/** Entries in two columns, the right one wrapped. */
function renderEntries(entries: readonly Entry[]): string[] {
  const column = Math.max(...entries.map(([head]) => head.length)) + 4;
  return entries.flatMap(([head, text]) =>
    wrap(text, width - column).map(
      (line, at) => (at === 0 ? `  ${head}`.padEnd(column) : " ".repeat(column)) + line,
    ),
  );
}
