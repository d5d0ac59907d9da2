import type { Row } from "./measure.ts";

const headings = ["measure", "unit", "median", "p99", "worst", "n", "aim", "met"];

/** The rows as text for people, columns aligned. */
export function renderTable(rows: readonly Row[]): string {
  const lines = [headings, ...rows.map(cells)];
  const widths = headings.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => {
          const width = widths[column] ?? 0;
          return isNumber(column) ? cell.padStart(width) : cell.padEnd(width);
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function isNumber(column: number): boolean {
  return column >= 2 && column <= 5;
}

function cells(row: Row): string[] {
  const single = row.n === 1;
  const sign = row.better === "less" ? "≤" : "≥";
  const aims = row.aims.map(({ statistic, limit }) =>
    single ? `${sign} ${limit}` : `${statistic} ${sign} ${limit}`,
  );
  return [
    row.what,
    row.unit,
    figure(row.median),
    single ? "" : figure(row.p99),
    single ? "" : figure(row.worst),
    String(row.n),
    aims.join(", "),
    row.met === undefined ? "" : row.met ? "yes" : "NO",
  ];
}

/** Three significant digits, whole numbers from 100 on. */
function figure(value: number): string {
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}
