import { type Problem, quote } from "./problem.ts";
import { didYouMean, suggest } from "./suggest.ts";

/** What the command line's grammar needs to know of a flag. */
export interface FlagSpec {
  /** Without its dashes. */
  readonly flag: string;
  /** May stand alone and has a `--no-` form. */
  readonly isSwitch: boolean;
  /** What its value has to be, to follow "expected". */
  readonly expected: string;
  /** The words that it may be, if they can be counted. */
  readonly choices?: readonly string[];
  /** A sentence on what it does, for who completes it in a shell. */
  readonly description?: string;
}

/** The text given for each flag (`true` or `false` for a bare switch), and all that wasn't understood. */
export interface ParsedArgv {
  readonly values: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
}

/**
 * Splits a command line into flags and their texts: `--flag value`, `--flag=value`, `--switch`,
 * `--no-switch`, `--switch=false`, `--switch false`. A value that starts with a dash needs
 * the `=` form, a negative number excepted, so that a forgotten value doesn't swallow the next flag.
 * A flag given twice is a problem rather than a silent choice of one; the first is kept.
 */
export function parseArgv(argv: readonly string[], specs: readonly FlagSpec[]): ParsedArgv {
  const flags = new Map(specs.map((spec) => [spec.flag, spec]));
  const values = new Map<string, string>();
  const problems: Problem[] = [];
  const report = (subject: string, text: string) => problems.push({ subject, text });

  for (let at = 0; at < argv.length; at++) {
    const argument = argv[at] ?? "";
    const next = argv[at + 1];
    const long = /^--([^=]+)(?:=(.*))?$/s.exec(argument);
    if (long === null) {
      if (isFlag(argument) && argument !== "--") report(quoteIfOdd(argument), "unknown option");
      else report(quoteIfOdd(argument), "unexpected argument; every option starts with --");
      continue;
    }
    const [, name = "", attached] = long;
    const negated = name.startsWith("no-") ? flags.get(name.slice(3)) : undefined;
    const spec = flags.get(name) ?? (negated?.isSwitch ? negated : undefined);

    if (spec === undefined) {
      const meant = nearestFlag(name, specs);
      report(
        quoteIfOdd(`--${name}`),
        `unknown option${didYouMean(meant && `--${(meant.negated ? "no-" : "") + meant.spec.flag}`)}`,
      );
      // the value of a mistyped flag is not worth a second problem
      if (attached === undefined && takes(meant?.spec, next)) at++;
      continue;
    }

    let text = attached;
    if (spec === negated) {
      if (attached !== undefined) report(`--${name}`, `takes no value, got ${quote(attached)}`);
      text = "false";
    } else if (attached === undefined && takes(spec, next)) {
      text = next;
      at++;
    } else if (attached === undefined && spec.isSwitch) {
      text = "true";
    }

    if (values.has(spec.flag))
      report(`--${name}`, "given more than once, expected it at most once");
    else if (text === undefined) report(`--${name}`, `needs a value, expected ${spec.expected}`);
    else values.set(spec.flag, text);
  }
  return { values, problems };
}

/** Whether `next` is the value of a flag that stands before it without `=`. */
function takes(spec: FlagSpec | undefined, next: string | undefined): boolean {
  if (spec === undefined || next === undefined || isFlag(next)) return false;
  // nothing else can stand there, so `--enable-metrics false` need not be a mistake
  return !spec.isSwitch || /^(true|false|0|1)$/i.test(next);
}

function isFlag(argument: string): boolean {
  return argument.length > 1 && argument.startsWith("-") && !/^-\d/.test(argument);
}

function nearestFlag(
  name: string,
  specs: readonly FlagSpec[],
): { spec: FlagSpec; negated: boolean } | undefined {
  // an environment variable's spelling is a likely slip: --MAX_DEVICES
  const spelled = name.toLowerCase().replaceAll("_", "-");
  const negated = spelled.startsWith("no-");
  const candidates = negated ? specs.filter(({ isSwitch }) => isSwitch) : specs;
  const flag = suggest(
    negated ? spelled.slice(3) : spelled,
    candidates.map((spec) => spec.flag),
  );
  const spec = candidates.find((candidate) => candidate.flag === flag);
  return spec && { spec, negated };
}

function quoteIfOdd(argument: string): string {
  return /^[\x21-\x7e]+$/.test(argument) && argument.length <= 120 ? argument : quote(argument);
}
