import * as v from "valibot";
import type { PoolConfig } from "../pool-config.ts";
import type { Problem } from "../problem.ts";
import { didYouMean, suggest } from "../suggest.ts";
import type { ParseContext } from "../types/option-type.ts";
import { cameraPool, loopbackPool } from "./build-pool.ts";
import { devicesPoolSchema, fileSchema, loopbackPoolSchema, maxPools } from "./declaration.ts";
import type { FilePool } from "./file-pool.ts";
import { type ProcessOptions, poolProblems } from "./pool-checks.ts";
import { schemaProblem } from "./schema-problem.ts";
import { type FileProblem, type Path, YamlFile } from "./yaml-file.ts";

/** What a config file says, and all that is wrong with it. */
export interface PoolsFile {
  /** The pools of all nodes, in the order of the file, without those that have a problem. */
  readonly pools: readonly FilePool[];
  readonly problems: readonly Problem[];
}

/**
 * Reads the text of a config file. Never throws.
 *
 * @param path What the problems call the file.
 * @param process The options that all pools share, for rules about both.
 */
export function readPools(
  path: string,
  text: string,
  context: ParseContext,
  process: ProcessOptions,
): PoolsFile {
  const file = new YamlFile(path, text);
  if (file.content === undefined) return { pools: [], problems: file.problems() };
  if (file.content === null) {
    return {
      pools: [],
      problems: [{ subject: path, text: "it is empty, expected apiVersion, kind and pools" }],
    };
  }
  const found: FileProblem[] = [];
  const envelope = v.safeParse(fileSchema(context, v.unknown()), file.content);
  found.push(...(envelope.issues ?? []).map((issue) => schemaProblem(issue, file)));

  const pools: FilePool[] = [];
  for (const [index, content] of entriesOf(file.content).slice(0, maxPools).entries()) {
    const read = readPool(content, ["pools", index], context, file);
    if ("problems" in read) found.push(...read.problems);
    else pools.push(read);
  }
  found.push(...poolProblems(pools, process));
  return { pools, problems: file.problems(found) };
}

/** What stands in the list of pools, if it is one. */
function entriesOf(content: unknown): readonly unknown[] {
  const { pools } = (content ?? {}) as { readonly pools?: unknown };
  return Array.isArray(pools) ? pools : [];
}

const notAPool = { got: true, text: "expected a pool with loopback or devices" };

/** What is wrong with a pool that has both of its kinds, or neither. */
function kindProblem(given: object): Pick<FileProblem, "text"> {
  if ("loopback" in given)
    return { text: "it has both loopback and devices, expected one of them" };
  const meant = Object.keys(given).map((key) => suggest(key, ["loopback", "devices"]));
  const hint = didYouMean(meant.find((kind) => kind !== undefined));
  return { text: `it has neither loopback nor devices, expected one of them${hint}` };
}

function readPool(
  content: unknown,
  path: Path,
  context: ParseContext,
  file: YamlFile,
): FilePool | { readonly problems: readonly FileProblem[] } {
  const index = Number(path.at(-1));
  const given = typeof content === "object" && content !== null ? content : {};
  const isLoopback = "loopback" in given;
  if (isLoopback === "devices" in given) {
    return { problems: [{ path, ...(given === content ? kindProblem(given) : notAPool) }] };
  }
  const problems = (issues: readonly v.BaseIssue<unknown>[]) => ({
    problems: issues.map((issue) => schemaProblem(issue, file, path)),
  });
  let pool: PoolConfig;
  let onNodes: readonly string[] | undefined;
  let isShared = false;
  if (isLoopback) {
    const read = v.safeParse(loopbackPoolSchema(context), given);
    if (!read.success) return problems(read.issues);
    pool = loopbackPool(read.output, index === 0);
    onNodes = read.output.onNodes;
  } else {
    const read = v.safeParse(devicesPoolSchema(context), given);
    if (!read.success) return problems(read.issues);
    pool = cameraPool(read.output, index === 0);
    onNodes = read.output.onNodes;
    isShared = read.output.devices.shareAnyway;
  }
  return { pool, index, onNodes: onNodes ?? [], shareAnyway: isShared };
}
