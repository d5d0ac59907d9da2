import { parseArgs } from "node:util";
import { type Problem, quote } from "./problem.ts";
import { didYouMean, suggest } from "./suggest.ts";
import type { ValueType } from "./types/option-type.ts";

/** A flag of the command line. */
export interface Flag<T = unknown> {
  /** Without its dashes. */
  readonly flag: string;
  /** A letter that stands for the flag: `o` for `-o`. */
  readonly short?: string;
  readonly type: ValueType<T>;
  /** What it does, for help texts and completions. */
  readonly description?: string;
}

/** A command line, split into its parts. */
export interface ParsedArguments {
  /** The text of each flag; `true` or `false` for a switch without a value. */
  readonly texts: ReadonlyMap<string, string>;
  /** Arguments that belong to no flag, in their order. */
  readonly positionals: readonly string[];
  readonly problems: readonly Problem[];
}

/**
 * Splits a command line: `--flag value`, `--flag=value`, `-f value`, `--switch`, `--no-switch`, `--switch=false`.
 * A value that starts with a dash needs the `=` form, except for a negative number and a lone dash: so a forgotten
 * value doesn't swallow the next flag. The second use of a flag is a problem, and the first one counts.
 *
 * @param names Positional arguments in order: `DEVICE` is required, `[LEVEL]` is not, and `DEVICE...` may be repeated.
 * Undefined if the command has none at all; a switch may then be followed by its value: `--switch false`.
 */
export function parseArguments(
  argv: readonly string[],
  flags: readonly Flag[],
  names?: readonly string[],
): ParsedArguments {
  const texts = new Map<string, string>();
  const positionals: string[] = [];
  const problems: Problem[] = [];
  const report = (subject: string, text: string) => problems.push({ subject, text });
  /** True if `next` is the value of the flag before it, which has no `=`. */
  const takes = (flag: Flag | undefined, next: Argument | undefined): boolean => {
    if (flag === undefined || next === undefined || next.option || next.text === "--") return false;
    return !flag.type.isSwitch || (names === undefined && /^(true|false|0|1)$/i.test(next.text));
  };

  const all = tokenise(argv);
  for (let at = 0; at < all.length; at++) {
    const { text: argument = "", option } = all[at] ?? {};
    const next = all[at + 1];
    if (option === undefined) {
      if (names !== undefined && !argument.startsWith("-")) positionals.push(argument);
      else report(quoteIfOdd(argument), "unexpected argument; every option starts with --");
      continue;
    }
    const { rawName, value } = option;
    const { flag, negated } = findFlag(argument, option.name, flags);
    if (flag === undefined) {
      const meant = rawName.startsWith("--") ? nearestFlag(option.name, flags) : undefined;
      report(
        quoteIfOdd(rawName.startsWith("--") ? rawName : argument),
        `unknown option${didYouMean(meant && `--${meant.negated ? "no-" : ""}${meant.flag.flag}`)}`,
      );
      // The value of a mistyped flag is not another problem.
      if (value === undefined && takes(meant?.flag, next)) at++;
      continue;
    }

    const subject = negated ? `--no-${flag.flag}` : `--${flag.flag}`;
    let text = value;
    if (negated) {
      if (value !== undefined) report(subject, `takes no value, got ${quote(value)}`);
      text = "false";
    } else if (value === undefined && takes(flag, next)) {
      text = next?.text;
      at++;
    } else if (value === undefined && flag.type.isSwitch) {
      text = "true";
    }

    if (texts.has(flag.flag)) report(subject, "given more than once, expected it at most once");
    else if (text === undefined) report(subject, `needs a value, expected ${flag.type.expected}`);
    else texts.set(flag.flag, text);
  }
  return { texts, positionals, problems: [...checkCount(positionals, names ?? []), ...problems] };
}

/** One argument; `option` is set if it looks like a flag. */
interface Argument {
  readonly text: string;
  readonly option: { name: string; rawName: string; value?: string | undefined } | undefined;
}

/**
 * Has `util.parseArgs` split flags from their `=` values. It knows no flags: otherwise it would take any
 * next argument for a value, and its errors would replace ours.
 */
function tokenise(argv: readonly string[]): Argument[] {
  const config = { args: [...argv], options: {}, strict: false, tokens: true } as const;
  // A group of letters, `-abc`, makes several tokens of one argument.
  const byIndex = new Map(
    parseArgs(config)
      .tokens.toReversed()
      .map((one) => [one.index, one]),
  );
  return argv.map((text, index) => {
    const token = byIndex.get(index);
    return { text, option: token?.kind === "option" && !/^-\d/.test(text) ? token : undefined };
  });
}

function findFlag(argument: string, name: string, flags: readonly Flag[]) {
  if (!argument.startsWith("--")) {
    return { flag: flags.find(({ short }) => argument === `-${short}`), negated: false };
  }
  const flag = flags.find((candidate) => candidate.flag === name);
  if (flag !== undefined || !name.startsWith("no-")) return { flag, negated: false };
  const switched = flags.find((one) => one.type.isSwitch && one.flag === name.slice(3));
  return { flag: switched, negated: true };
}

function nearestFlag(name: string, flags: readonly Flag[]) {
  // The spelling of an environment variable is a likely slip: --MAX_DEVICES
  const spelled = name.toLowerCase().replaceAll("_", "-");
  const negated = spelled.startsWith("no-");
  const candidates = negated ? flags.filter(({ type }) => type.isSwitch) : flags;
  const nearest = suggest(
    negated ? spelled.slice(3) : spelled,
    candidates.map(({ flag }) => flag),
  );
  const flag = candidates.find((candidate) => candidate.flag === nearest);
  return flag && { flag, negated };
}

function checkCount(given: readonly string[], names: readonly string[]): Problem[] {
  const missing = names.slice(given.length).filter((name) => !name.startsWith("["));
  const surplus = names.at(-1)?.endsWith("...") ? [] : given.slice(names.length);
  return [
    ...missing.map((subject) => ({ subject, text: "is missing" })),
    ...surplus.map((subject) => ({ subject, text: "unexpected argument" })),
  ];
}

function quoteIfOdd(argument: string): string {
  return /^[\x21-\x7e]+$/.test(argument) && argument.length <= 120 ? argument : quote(argument);
}
