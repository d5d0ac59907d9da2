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

/** Columns that a text takes on a terminal; colours take none. */
export function width(text = ""): number {
  return Bun.stringWidth(text);
}

/** Names and notes come from anybody, and must not steer the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "?");
}

/** A sentence under the name of what it is about, unless it begins with that name. */
export function under(subject: string, sentence: string): string {
  return sentence.startsWith(`${subject} `) ? sentence : `${subject}: ${sentence}`;
}

/** At most `columns` columns of a text without colours, with an ellipsis for its end if that had to go. */
export function cutEnd(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  return columns < 1 ? "" : `${take([...text], columns - 1).join("")}…`;
}

/** As {@link cutEnd}, but keeps both ends: what tells pods of one deployment apart is their names' end. */
export function cutMiddle(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  if (columns < 1) return "";
  const tail = take([...text].reverse(), Math.floor((columns - 1) / 2)).reverse();
  const head = take([...text], columns - 1 - width(tail.join("")));
  return `${head.join("")}…${tail.join("")}`;
}

function take(characters: readonly string[], columns: number): string[] {
  const taken: string[] = [];
  let left = columns;
  for (const character of characters) {
    left -= width(character);
    if (left < 0) break;
    taken.push(character);
  }
  return taken;
}
