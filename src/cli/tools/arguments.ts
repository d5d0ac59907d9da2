import { type FlagSpec, parseArgv } from "../../config/argv.ts";
import type { Config } from "../../config/config.ts";
import { flagSpecOf, flagSpecs, loadConfig, type Sources } from "../../config/load-config.ts";
import { options } from "../../config/options.ts";
import type { Problem } from "../../config/problem.ts";

/** What a tool takes on its command line, beside the options of `run`. */
export interface ArgumentsSpec {
  /**
   * Names of the arguments without a flag, in order; all are needed unless in brackets, and one that ends
   * with `...` takes all that follow.
   */
  readonly positionals: readonly string[];
  readonly flags: readonly FlagSpec[];
  /** Flags of one letter: `o` for `output`. */
  readonly short?: Readonly<Record<string, string>>;
  /** The only options of `run` that are taken; no other's flag, variable or mistake counts. Default all. */
  readonly options?: readonly (keyof Config)[];
}

export interface ToolArguments {
  readonly positionals: readonly string[];
  /** Texts of the tool's own flags. */
  readonly flags: ReadonlyMap<string, string>;
  /** Made of the options of `run` among the arguments, and of the environment. */
  readonly config: Config;
}

export type ArgumentsResult =
  | { readonly ok: true; readonly arguments: ToolArguments }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads a tool's command line; flags and other arguments may stand in any order. */
export function parseToolArguments(sources: Sources, spec: ArgumentsSpec): ArgumentsResult {
  const all = [...spec.flags, ...(spec.options?.map(flagSpecOf) ?? flagSpecs)];
  const { positionals, flagged } = separate(longForms(sources.argv, spec.short ?? {}), all);
  const { values, problems } = parseArgv(flagged, all);
  const own = new Set(spec.flags.map(({ flag }) => flag));
  const forRun = [...values].filter(([flag]) => !own.has(flag));
  const loaded = loadConfig({
    ...(spec.options === undefined ? sources : only(spec.options, sources)),
    argv: forRun.map(([flag, text]) => `--${flag}=${text}`),
  });
  const found = [
    ...checkPositionals(positionals, spec.positionals),
    ...problems,
    ...(loaded.ok ? [] : loaded.problems),
  ];
  if (!loaded.ok || found.length > 0) return { ok: false, problems: found };
  const flags = new Map([...values].filter(([flag]) => own.has(flag)));
  return { ok: true, arguments: { positionals, flags, config: loaded.config } };
}

function only(keys: readonly (keyof Config)[], sources: Sources): Sources {
  const env = Object.fromEntries(
    keys.map((key) => [options[key].env, sources.env[options[key].env]] as const),
  );
  return { ...sources, env, hostname: "localhost" };
}

function longForms(argv: readonly string[], short: Readonly<Record<string, string>>): string[] {
  return argv.map((argument) => {
    const long = /^-[a-z]$/.test(argument) ? short[argument.slice(1)] : undefined;
    return long === undefined ? argument : `--${long}`;
  });
}

/** What follows a flag that wants a value is its value, be it a lone `-` for the standard output. */
function separate(
  argv: readonly string[],
  specs: readonly FlagSpec[],
): { positionals: string[]; flagged: string[] } {
  const valued = new Set(specs.filter((spec) => !spec.isSwitch).map(({ flag }) => `--${flag}`));
  const positionals: string[] = [];
  const flagged: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const argument = argv[at] ?? "";
    const next = argv[at + 1];
    if (!argument.startsWith("-")) {
      positionals.push(argument);
      continue;
    }
    flagged.push(argument);
    if (valued.has(argument) && next !== undefined && (next === "-" || !next.startsWith("-"))) {
      flagged.push(next);
      at++;
    }
  }
  return { positionals, flagged };
}

function checkPositionals(given: readonly string[], names: readonly string[]): Problem[] {
  const missing = names
    .slice(given.length)
    .filter((name) => !name.startsWith("["))
    .map((subject) => ({ subject, text: "is missing" }));
  const extra = (names.at(-1)?.endsWith("...") ? [] : given.slice(names.length)).map((subject) => ({
    subject,
    text: "unexpected argument",
  }));
  return [...missing, ...extra];
}
