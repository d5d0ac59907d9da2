import type { cutEnd } from "./table.ts";
import { width } from "./table.ts";

/** A column whose cells may be cut, to no less than `least` columns of the screen. */
export interface Cut<H extends string> {
  readonly heading: H;
  readonly least: number;
  readonly cut: typeof cutEnd;
}

/** A table, its cells by their headings. */
export interface FittingTable<H extends string> {
  readonly headings: readonly H[];
  readonly rows: readonly Readonly<Record<H, string>>[];
  /** What may be cut, the first one first. */
  readonly cuts: readonly Cut<H>[];
  /** Columns that may be left out after that, the first one first. */
  readonly dispensable: readonly H[];
}

/** Makes a table at most `columns` wide: cuts cells, and then leaves columns out. */
export function fitTable<H extends string>(
  { headings: all, rows: whole, cuts, dispensable }: FittingTable<H>,
  columns: number,
): { headings: readonly H[]; rows: readonly Readonly<Record<H, string>>[] } {
  let headings = all;
  let rows = whole;
  const tooWide = () => Math.max(0, tableWidth(headings, rows) - columns);
  for (const { heading, least, cut } of cuts) {
    const widest = Math.max(...rows.map((row) => width(row[heading])));
    const target = Math.max(least, widest - tooWide());
    rows = rows.map((row) => ({ ...row, [heading]: cut(row[heading], target) }));
  }
  for (const heading of dispensable) {
    if (tooWide() > 0) headings = headings.filter((candidate) => candidate !== heading);
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
