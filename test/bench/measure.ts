import type { Better, Summary } from "./statistics.ts";
import { summarise } from "./statistics.ts";

/** A limit that a statistic of a row is to keep. */
export interface Aim {
  readonly statistic: "median" | "p99" | "worst";
  readonly limit: number;
}

/** One line of the result. */
export interface Row extends Summary {
  readonly what: string;
  readonly unit: string;
  readonly better: Better;
  /** None: the row is there to compare others with. */
  readonly aims: readonly Aim[];
  /** True if every aim is met; undefined without aims. */
  readonly met: boolean | undefined;
}

/** Something that can be asked for by name. */
export interface Measure {
  /** As in `--only`. */
  readonly name: string;
  run(settings: BenchSettings): Promise<Row[]>;
}

/** Settings of every measure. */
export interface BenchSettings {
  /** The compiled program. */
  readonly binary: string;
  /** How often, long or much: `full` or, for a quick look, `quick`. */
  rounds(full: number, quick: number): number;
  /** Prints what is going on. */
  progress(text: string): void;
}

/** A row of samples. */
export function row(
  what: string,
  unit: string,
  samples: readonly number[],
  aims: readonly Aim[] = [],
  better: Better = "less",
): Row {
  const summary = summarise(samples, better);
  const kept = ({ statistic, limit }: Aim) =>
    better === "less" ? summary[statistic] <= limit : summary[statistic] >= limit;
  return {
    what,
    unit,
    ...summary,
    better,
    aims,
    met: aims.length === 0 ? undefined : aims.every(kept),
  };
}
