import { type Option, options } from "../config/options.ts";
import { defaultInWords } from "../config/render-help.ts";
import { wrap } from "../config/wrap.ts";
import { type ArgumentsSpec, flagsOf, type OwnFlags } from "./arguments.ts";
import { program } from "./command.ts";

/** What a command's help says beside its options. */
export interface HelpText {
  /** Forms of the command line, each to follow the program's name. */
  readonly usage: readonly string[];
  /** Paragraphs with an empty line between them. One whose lines start with two spaces has a word and its text in each. */
  readonly about: string;
  /** What the exit codes mean, from 0 on. */
  readonly exitCodes?: readonly string[];
  readonly examples?: readonly string[];
}

/** The text of `<command> --help`, wrapped at `columns`; ends with a line break. */
export function renderCommandHelp(
  { usage, about, exitCodes = [], examples = [] }: HelpText,
  { flags, options: keys = [] }: ArgumentsSpec<OwnFlags>,
  columns = 80,
): string {
  const own = flagsOf(flags).map(({ flag, short, type, description = "" }): Entry => {
    const letter = short === undefined ? "" : `-${short}, `;
    return [`${letter}--${flag}${type.isSwitch ? "" : ` ${type.placeholder}`}`, description];
  });
  const shared = keys === "all" ? [] : keys.map((key) => optionEntry(options[key]));
  const blocks = [
    usage.map((form, at) => `${at === 0 ? "Usage:" : "      "} ${program} ${form}`),
    ...about
      .split("\n\n")
      .map((text) =>
        text.startsWith("  ")
          ? renderEntries(text.split(/\n(?= {2}\S)/).map(wordAndText), columns)
          : wrap(text, columns),
      ),
    ["Options:", ...renderEntries([...own, ...shared, ["--help", "Shows this text."]], columns)],
    keys === "all"
      ? wrap(`The options of "${program} run" and their variables apply as well.`, columns)
      : [],
    exitCodes.length === 0
      ? []
      : [
          "Exit codes:",
          ...renderEntries(
            exitCodes.map((text, code) => [String(code), text]),
            columns,
          ),
        ],
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

function wordAndText(line: string): Entry {
  const [, word = "", text = ""] = /^\s*(\S+)\s+(.*)$/s.exec(line) ?? [];
  return [word, text];
}

/** Least width of a text beside its head, in columns: a narrower screen breaks the lines itself. */
const leastWidth = 24;

/** Entries in two columns, the right one wrapped so that lines have at most `columns`. */
export function renderEntries(entries: readonly Entry[], columns: number): string[] {
  const column = Math.max(...entries.map(([head]) => head.length)) + 4;
  return entries.flatMap(([head, text]) =>
    wrap(text, Math.max(leastWidth, columns - column)).map(
      (line, at) => (at === 0 ? `  ${head}`.padEnd(column) : " ".repeat(column)) + line,
    ),
  );
}
