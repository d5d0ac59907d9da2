import { messageOf } from "../common/plugin-error.ts";
import type { Config } from "./config.ts";
import { crossChecks, flagName } from "./cross-checks.ts";
import { type ParsedEnvFile, parseEnvFile } from "./env-file.ts";
import { envFileOption, optionKeys, options } from "./options.ts";
import { describeOrigin, type Origin } from "./origin.ts";
import { type Flag, parseArguments } from "./parse-arguments.ts";
import { defaultPool, type PoolConfig } from "./pool-config.ts";
import { fieldOf, isPoolKey, type PoolKey } from "./pools/fields.ts";
import { everywhere, type FilePool, isOnNode } from "./pools/file-pool.ts";
import type { PoolsFile } from "./pools/read-pools.ts";
import { type Problem, quote, valueProblem } from "./problem.ts";
import type { ParseContext } from "./types/option-type.ts";

/** What a configuration is made from. `systemSources()` returns the real ones. */
export interface Sources extends ParseContext {
  /** The arguments after the command's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The host's name, the default of NODE_NAME. */
  readonly hostname: string;
  /** The text of a file; throws if it can't be read. */
  readFile(path: string): string;
}

/** Where the value of each option came from. */
export type Origins = Readonly<Record<keyof Config, Origin>>;

export type LoadResult =
  | {
      readonly ok: true;
      readonly config: Config;
      readonly origins: Origins;
      /**
       * What this node offers, in the order of the file; none if every pool of the file is for other nodes. Without a file,
       * the pool `default` of the options.
       */
      readonly pools: readonly PoolConfig[];
      /** The pools of all nodes. */
      readonly allPools: readonly FilePool[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

interface Given {
  readonly text: string;
  readonly origin: Origin;
}

/**
 * Makes the configuration, or lists every problem of the input. Pure but for the effects in `sources`; never throws.
 */
export function loadConfig(sources: Sources): LoadResult {
  const { texts, problems } = parseArguments(sources.argv, configFlags);
  return configFrom(texts, sources, problems);
}

/**
 * Makes the configuration from the texts of flags.
 *
 * A value comes from the flag, else the environment variable, else the env-file, else the default.
 * An empty variable counts as not set, in the environment and in the env-file: a manifest's unfilled `value:`
 * becomes one. An empty flag (`--v4l2-device-group=`) is a value, and so overrides a variable with nothing.
 * White space around a value is no part of it: a variable from a ConfigMap that was made of a file ends in a newline.
 *
 * @param otherProblems Problems that the caller has found, to be listed with the rest.
 */
export function configFrom(
  texts: ReadonlyMap<string, string>,
  sources: Omit<Sources, "argv">,
  otherProblems: readonly Problem[] = [],
): LoadResult {
  const envFile = readEnvFile(texts.get(envFileOption.flag), sources.readFile);
  const problems: Problem[] = [];
  const given = {} as Record<keyof Config, Given>;
  const values: { -readonly [K in keyof Config]?: Config[K] } = {};
  const failed = new Set<keyof Config>();

  const take = <K extends keyof Config>(key: K): void => {
    const option = options[key];
    const found = findGiven(key, texts, sources, envFile);
    // The row of the kubelet's socket comes before those whose defaults move with it.
    const beside = values.kubeletSocket && option.besideKubelet?.(values.kubeletSocket);
    given[key] = found.origin.source === "default" && beside ? { ...found, text: beside } : found;
    // So does the row of the file before what the file has.
    if (values.configFile && isPoolKey(key)) {
      if (found.origin.source !== "default") {
        problems.push(misplaced(key, found.origin, values.configFile));
      }
      given[key] = { text: option.default, origin: configFileOrigin(values.configFile) };
    }
    const parsed = option.type.parse(given[key].text, sources);
    if (parsed.ok) {
      values[key] = parsed.value;
    } else {
      failed.add(key);
      problems.push(valueProblem(option.flag, given[key], option.type.expected, parsed.reason));
    }
  };
  for (const key of optionKeys) take(key);

  // Complete unless an option failed, and checks that read a failed option are skipped.
  const config = values as Config;
  const file = config.configFile ? readConfigFile(config.configFile, sources, values) : undefined;
  for (const { keys, subject, check } of crossChecks) {
    if (file !== undefined && keys.some(isPoolKey)) continue;
    const expected = keys.some((key) => failed.has(key)) ? undefined : check(config, flagName);
    if (expected !== undefined) {
      problems.push(valueProblem(options[subject].flag, given[subject], expected));
    }
  }

  problems.push(...otherProblems, ...envFile.problems, ...(file?.problems ?? []));
  if (problems.length > 0) return { ok: false, problems };
  const origins = Object.fromEntries(optionKeys.map((key) => [key, given[key].origin])) as Origins;
  const allPools = file?.pools ?? [everywhere(defaultPool(config))];
  const pools = allPools.filter((one) => isOnNode(one, config.nodeName)).map(({ pool }) => pool);
  const first = pools.find((pool) => pool.kind === "loopback");
  return { ok: true, config: { ...config, ...first?.options }, origins, pools, allPools };
}

/** The flags of all options. */
export const configFlags: readonly Flag[] = [
  ...optionKeys.map((key): Flag => options[key]),
  envFileOption,
];

const knownVariables = optionKeys.map((key) => options[key].env);

function findGiven(
  key: keyof Config,
  texts: ReadonlyMap<string, string>,
  sources: Omit<Sources, "argv">,
  envFile: ParsedEnvFile & { readonly path: string },
): Given {
  const { flag, env: name, default: byDefault, defaultFrom } = options[key];
  const fromFlag = texts.get(flag)?.trim();
  if (fromFlag !== undefined) return { text: fromFlag, origin: { source: "flag" } };

  const fromEnvironment = sources.env[name]?.trim();
  if (fromEnvironment) {
    return { text: fromEnvironment, origin: { source: "environment", name } };
  }
  const fromFile = envFile.values.get(name);
  const text = fromFile?.text.trim();
  if (fromFile && text) {
    const { path } = envFile;
    return { text, origin: { source: "env_file", name, path, line: fromFile.line } };
  }
  if (defaultFrom === "hostname") {
    // The kubelet derives the node's name the same way (component-helpers/node/util/hostname.go).
    // Characters that a node's name may not have are replaced: the host's name wasn't chosen as one.
    const text = sources.hostname
      .trim()
      .toLowerCase()
      .replace(/[^a-z0-9.-]/g, "-");
    return { text, origin: { source: "hostname" } };
  }
  return { text: byDefault, origin: { source: "default" } };
}

function readEnvFile(
  path: string | undefined,
  readFile: Sources["readFile"],
): ParsedEnvFile & { readonly path: string } {
  if (path === undefined) return { path: "", values: new Map(), problems: [] };
  try {
    return { path, ...parseEnvFile(path, readFile(path), knownVariables) };
  } catch (error) {
    const text = `cannot read ${quote(path)} (from the command line), expected ${envFileOption.type.expected}; ${messageOf(error)}`;
    return { path, values: new Map(), problems: [{ subject: `--${envFileOption.flag}`, text }] };
  }
}

/** The problem of a pool's option beside a file. */
function misplaced(key: PoolKey, origin: Origin, path: string): Problem {
  return {
    subject: `--${options[key].flag}`,
    text: `set by ${describeOrigin(origin)}, but it belongs to a pool, expected ${fieldOf(key).join(".")} of a pool in ${quote(path)} instead`,
  };
}

function configFileOrigin(path: string): Origin {
  return { source: "config_file", path };
}

function readConfigFile(
  path: string,
  sources: Omit<Sources, "argv">,
  process: Partial<Config>,
): PoolsFile {
  let text: string;
  try {
    text = sources.readFile(path);
  } catch (error) {
    const problem = `cannot read ${quote(path)}, expected a config file; ${messageOf(error)}`;
    return { pools: [], problems: [{ subject: `--${options.configFile.flag}`, text: problem }] };
  }
  // The YAML parser takes a megabyte of memory, which a process without such a file needs not have.
  const { readPools }: typeof import("./pools/read-pools.ts") = require("./pools/read-pools.ts");
  return readPools(path, text, sources, process);
}
