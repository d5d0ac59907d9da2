/** What a table shows of a measure's samples. */
export interface Summary {
  readonly n: number;
  readonly median: number;
  /** The value that 99 of 100 samples are no worse than. */
  readonly p99: number;
  readonly worst: number;
}

/** `less`: small values are good (times, memory). `more`: large ones are (throughput). */
export type Better = "less" | "more";

/** @throws RangeError without samples. */
export function summarise(samples: readonly number[], better: Better): Summary {
  const sign = better === "less" ? 1 : -1;
  const sorted = [...samples].sort((a, b) => sign * (a - b));
  return {
    n: sorted.length,
    median: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    worst: quantile(sorted, 1),
  };
}

/** The smallest sample that at least `share` of all are not above (nearest rank). */
function quantile(sorted: readonly number[], share: number): number {
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  if (value === undefined) throw new RangeError("a measure needs at least one sample");
  return value;
}
