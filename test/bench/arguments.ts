import { parseArgs } from "node:util";

/** What the command line asks for. */
export interface BenchArguments {
  /** Names of the measures to take, in no order; all by default. */
  readonly only: readonly string[];
  /** Fewer rounds: numbers to look at, not to quote. */
  readonly quick: boolean;
  /** Where the JSON goes. */
  readonly json: string;
  /** The program to measure, for instance another build to compare with. */
  readonly binary: string;
}

/** @throws Error that names what is wrong and what is allowed. */
export function parseArguments(
  argv: readonly string[],
  names: readonly string[],
  defaults: Pick<BenchArguments, "json" | "binary">,
): BenchArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: { type: "string" },
      quick: { type: "boolean", default: false },
      json: { type: "string", default: defaults.json },
      binary: { type: "string", default: defaults.binary },
    },
  });
  const only = values.only?.split(",").map((name) => name.trim()) ?? names;
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    throw new Error(`no measure is named ${unknown.join(", ")}; there are ${names.join(", ")}`);
  }
  return { only, quick: values.quick, json: values.json, binary: values.binary };
}
