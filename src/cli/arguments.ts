import type { Config } from "../config/config.ts";
import { configFlags, configFrom, type Sources } from "../config/load-config.ts";
import { options } from "../config/options.ts";
import { type Flag, parseArguments } from "../config/parse-arguments.ts";
import type { PoolConfig } from "../config/pool-config.ts";
import { type Problem, valueProblem } from "../config/problem.ts";
import { boolean } from "../config/types/choice.ts";
import type { ValueType } from "../config/types/option-type.ts";

/** A command's own flags by their names, which have no dashes. */
export type OwnFlags = Readonly<Record<string, Omit<Flag, "flag">>>;

/** The values of the own flags that are on the command line. */
export type FlagValues<F extends OwnFlags> = {
  readonly [K in keyof F]?: F[K]["type"] extends ValueType<infer T> ? T : never;
};

/** What a command takes on its command line. */
export interface ArgumentsSpec<F extends OwnFlags> {
  /** See {@link parseArguments}. Default none. */
  readonly positionals?: readonly string[];
  readonly flags?: F;
  /** The options of `run` that the command takes. Flag, variable and mistakes of any other don't count. Default none. */
  readonly options?: readonly (keyof Config)[] | "all";
}

/** A command's arguments, parsed. */
export interface Given<F extends OwnFlags = OwnFlags> {
  readonly positionals: readonly string[];
  readonly flags: FlagValues<F>;
  /** From the options of `run` among the arguments, and the environment. */
  readonly config: Config;
  /** What this node offers, of the same configuration. */
  readonly pools: readonly PoolConfig[];
}

export type ArgumentsResult<F extends OwnFlags> =
  | { readonly ok: true; readonly given: Given<F> }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Reads a command line; flags and positional arguments may stand in any order. */
export function readArguments<F extends OwnFlags>(
  sources: Sources,
  spec: ArgumentsSpec<F>,
): ArgumentsResult<F> {
  const own = flagsOf(spec.flags);
  const { texts, positionals, problems } = parseArguments(
    sources.argv,
    [...own, ...optionFlags(spec.options)],
    spec.positionals ?? [],
  );
  const found = [...problems];
  const values: Record<string, unknown> = {};
  const others = new Map(texts);
  for (const { flag, type } of own) {
    const text = texts.get(flag);
    others.delete(flag);
    if (text === undefined) continue;
    const parsed = type.parse(text, sources);
    if (parsed.ok) values[flag] = parsed.value;
    else found.push(valueProblem(flag, { text }, type.expected, parsed.reason));
  }
  const loaded = configFrom(others, onlyOptions(spec.options, sources));
  if (!loaded.ok) found.push(...loaded.problems);
  if (!loaded.ok || found.length > 0) return { ok: false, problems: found };
  const flags = values as FlagValues<F>;
  const { config, pools } = loaded;
  return { ok: true, given: { positionals, flags, config, pools } };
}

/** A command's own flags as a list. */
export function flagsOf(flags: OwnFlags = {}): Flag[] {
  return Object.entries(flags).map(([flag, rest]) => ({ flag, ...rest }));
}

/** The flags of these options of `run`. */
export function optionFlags(keys: readonly (keyof Config)[] | "all" = []): readonly Flag[] {
  return keys === "all" ? configFlags : keys.map((key): Flag => options[key]);
}

/** A switch that a command has of its own: off by default. */
export function switchFlag(description: string): Omit<Flag<boolean>, "flag"> {
  return { type: { ...boolean(), expected: "nothing" }, description };
}

/** The sources without what would set any other option. */
function onlyOptions(keys: ArgumentsSpec<OwnFlags>["options"] = [], sources: Sources): Sources {
  if (keys === "all") return sources;
  const env = Object.fromEntries(
    keys.map((key) => [options[key].env, sources.env[options[key].env]] as const),
  );
  return { ...sources, env, hostname: "localhost" };
}
