import type { cutEnd } from "./table.ts";
import { width } from "./table.ts";

/** A column whose cells may be cut, to no less than `least` columns of the screen. */
export interface Cut<H extends string> {
  readonly heading: H;
  readonly least: number;
  readonly cut: typeof cutEnd;
}

/** What may be done to a table to make it narrower: to cut a column's cells, or to leave the named column out. */
export type Step<H extends string> = Cut<H> | H;

/** A table, its cells by their headings. */
export interface FittingTable<H extends string> {
  readonly headings: readonly H[];
  readonly rows: readonly Readonly<Record<H, string>>[];
  /** In this order, as far as it takes. */
  readonly steps: readonly Step<H>[];
}

/** Makes a table at most `columns` wide. */
export function fitTable<H extends string>(
  { headings: all, rows: whole, steps }: FittingTable<H>,
  columns: number,
): { headings: readonly H[]; rows: readonly Readonly<Record<H, string>>[] } {
  let headings = all;
  let rows = whole;
  for (const step of steps) {
    const surplus = tableWidth(headings, rows) - columns;
    if (surplus <= 0) break;
    if (typeof step === "string") {
      headings = headings.filter((heading) => heading !== step);
      continue;
    }
    const { heading, least, cut } = step;
    const widest = Math.max(...rows.map((row) => width(row[heading])));
    const target = Math.max(least, widest - surplus);
    rows = rows.map((row) => ({ ...row, [heading]: cut(row[heading], target) }));
  }
  return { headings, rows };
}

function tableWidth<H extends string>(
  headings: readonly H[],
  rows: readonly Readonly<Record<H, string>>[],
): number {
  const widths = headings.map((heading) =>
    Math.max(width(heading), ...rows.map((row) => width(row[heading]))),
  );
  return widths.reduce((sum, columns) => sum + columns, 2 * (headings.length - 1));
}
