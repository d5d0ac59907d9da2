import { messageOf } from "../common/plugin-error.ts";
import { type FlagSpec, parseArgv } from "./argv.ts";
import type { Config } from "./config.ts";
import { crossChecks } from "./cross-checks.ts";
import { type ParsedEnvFile, parseEnvFile } from "./env-file.ts";
import { envFileOption, optionKeys, options } from "./options.ts";
import type { Origin } from "./origin.ts";
import { type Problem, quote, valueProblem } from "./problem.ts";
import type { ParseContext } from "./types/option-type.ts";

/** Everything a configuration is made from. `systemSources()` gives the real ones. */
export interface Sources extends ParseContext {
  /** The arguments after the command's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The host's name, the default of NODE_NAME. */
  readonly hostname: string;
  /** The text of a file; throws if it can't be read. */
  readFile(path: string): string;
}

/** Where each value came from. */
export type Origins = Readonly<Record<keyof Config, Origin>>;

export type LoadResult =
  | { readonly ok: true; readonly config: Config; readonly origins: Origins }
  | { readonly ok: false; readonly problems: readonly Problem[] };

interface Given {
  readonly text: string;
  readonly origin: Origin;
}

/**
 * Makes the configuration, or names every problem there is with the input.
 *
 * A value comes from the flag, else the environment variable, else the env-file, else the default.
 * A variable that is empty counts as not set, in the environment and in the env-file alike, since
 * that is what a manifest's unfilled `value:` becomes. An empty flag (`--v4l2-device-group=`) is a
 * value like any other, and so the way to overrule a variable with nothing.
 *
 * Pure but for the effects it is given; never throws.
 */
export function loadConfig(sources: Sources): LoadResult {
  const argv = parseArgv(sources.argv, flagSpecs);
  const envFile = readEnvFile(argv.values.get(envFileOption.flag), sources.readFile);
  const problems: Problem[] = [];
  const given = {} as Record<keyof Config, Given>;
  const values: { -readonly [K in keyof Config]?: Config[K] } = {};
  const failed = new Set<keyof Config>();

  const take = <K extends keyof Config>(key: K): void => {
    const option = options[key];
    given[key] = findGiven(key, argv.values, sources, envFile);
    const parsed = option.type.parse(given[key].text, sources);
    if (parsed.ok) {
      values[key] = parsed.value;
    } else {
      failed.add(key);
      problems.push(valueProblem(option.flag, given[key], option.type.expected, parsed.reason));
    }
  };
  for (const key of optionKeys) take(key);

  // complete unless something failed, and a check that reads what failed is skipped
  const config = values as Config;
  for (const { keys, subject, check } of crossChecks) {
    const expected = keys.some((key) => failed.has(key)) ? undefined : check(config);
    if (expected !== undefined) {
      problems.push(valueProblem(options[subject].flag, given[subject], expected));
    }
  }

  problems.push(...argv.problems, ...envFile.problems);
  if (problems.length > 0) return { ok: false, problems };
  const origins = Object.fromEntries(optionKeys.map((key) => [key, given[key].origin])) as Origins;
  return { ok: true, config, origins };
}

/** Every flag there is, for commands that take more of their own beside them. */
export const flagSpecs: readonly FlagSpec[] = [
  ...optionKeys.map(flagSpecOf),
  {
    flag: envFileOption.flag,
    isSwitch: false,
    expected: envFileOption.expected,
    description: envFileOption.description,
  },
];

/** The flag of one option. */
export function flagSpecOf(key: keyof Config): FlagSpec {
  const { flag, type, description } = options[key];
  const { isSwitch, expected, choices } = type;
  return { flag, isSwitch, expected, description, ...(choices === undefined ? {} : { choices }) };
}

const knownVariables = optionKeys.map((key) => options[key].env);

function findGiven(
  key: keyof Config,
  flags: ReadonlyMap<string, string>,
  sources: Sources,
  envFile: ParsedEnvFile & { readonly path: string },
): Given {
  const { flag, env: name, default: text, defaultFrom } = options[key];
  const fromFlag = flags.get(flag);
  if (fromFlag !== undefined) return { text: fromFlag, origin: { source: "flag" } };

  const fromEnvironment = sources.env[name];
  if (fromEnvironment) {
    return { text: fromEnvironment, origin: { source: "environment", name } };
  }
  const fromFile = envFile.values.get(name);
  if (fromFile?.text) {
    const { path } = envFile;
    return { text: fromFile.text, origin: { source: "env_file", name, path, line: fromFile.line } };
  }
  if (defaultFrom === "hostname") {
    // the kubelet derives its node's name the same way (component-helpers/node/util/hostname.go);
    // a host name that no node could have is made one, since nobody chose it as a node's name
    const text = sources.hostname
      .trim()
      .toLowerCase()
      .replace(/[^a-z0-9.-]/g, "-");
    return { text, origin: { source: "hostname" } };
  }
  return { text, origin: { source: "default" } };
}

function readEnvFile(
  path: string | undefined,
  readFile: Sources["readFile"],
): ParsedEnvFile & { readonly path: string } {
  if (path === undefined) return { path: "", values: new Map(), problems: [] };
  try {
    return { path, ...parseEnvFile(path, readFile(path), knownVariables) };
  } catch (error) {
    const text = `cannot read ${quote(path)} (from the command line), expected ${envFileOption.expected}; ${messageOf(error)}`;
    return { path, values: new Map(), problems: [{ subject: `--${envFileOption.flag}`, text }] };
  }
}
