import { styleText } from "node:util";

/** Rows of cells as lines, each column as wide as its widest cell, two spaces between. */
export function renderTable(rows: readonly (readonly string[])[]): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => width(row[column]))),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - width(cell)))
      .join("  ")
      .trimEnd(),
  );
}

/** Columns of a text on a terminal, without colours. */
export function width(text = ""): number {
  return Bun.stringWidth(text);
}

/** Replaces what could steer the terminal: names and notes come from any user. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "?");
}

/** A sentence with its subject's name before it, unless it begins with that name. */
export function under(subject: string, sentence: string): string {
  return sentence.startsWith(`${subject} `) ? sentence : `${subject}: ${sentence}`;
}

/** Cuts a text without colours to at most `columns` columns, with an ellipsis at its end. */
export function cutEnd(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  return columns < 1 ? "" : `${firstColumns([...text], columns - 1).join("")}…`;
}

/** As {@link cutEnd}, but keeps both ends: the names of pods of one deployment differ at their end. */
export function cutMiddle(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  if (columns < 1) return "";
  const tail = firstColumns([...text].reverse(), Math.floor((columns - 1) / 2)).reverse();
  const head = firstColumns([...text], columns - 1 - width(tail.join("")));
  return `${head.join("")}…${tail.join("")}`;
}

function firstColumns(characters: readonly string[], columns: number): string[] {
  const fitting: string[] = [];
  let left = columns;
  for (const character of characters) {
    left -= width(character);
    if (left < 0) break;
    fitting.push(character);
  }
  return fitting;
}

export type Colour = "bold" | "red" | "green" | "yellow" | "cyan" | "gray";

/** The text in a colour, if the view has colours. */
export function paint(
  text: string,
  colour: Colour | undefined,
  view: { readonly colour: boolean },
): string {
  if (!view.colour || colour === undefined) return text;
  return styleText(colour, text, { validateStream: false });
}
