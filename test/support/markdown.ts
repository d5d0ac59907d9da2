/** Markdown's parts that tests read. */

/** The text without code blocks, whose lines may look like headings and links. */
function prose(markdown: string): string {
  return markdown.replace(/^( *)(```+|~~~+)[\s\S]*?^\1\2 *$/gm, "");
}

/** Anchors of the headings, as on GitHub and GitLab. */
export function anchors(markdown: string): Set<string> {
  const found = new Set<string>();
  for (const [, title = ""] of prose(markdown).matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const base = anchorOf(title);
    let anchor = base;
    for (let n = 1; found.has(anchor); n++) anchor = `${base}-${n}`;
    found.add(anchor);
  }
  return found;
}

function anchorOf(title: string): string {
  return title
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
    .replaceAll(" ", "-");
}

/** Targets of the links and pictures. */
export function links(markdown: string): string[] {
  const text = prose(markdown).replace(/`[^`\n]*`/g, "code");
  return [...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)].map(
    ([, target = ""]) => target,
  );
}

/** Cells of the rows of the tables whose first column has this title; "\|" in a cell is a "|". */
export function tableRows(markdown: string, firstColumn: string): string[][] {
  const tables = [...prose(markdown).matchAll(/(?:^\|.*\|\n)+/gm)].map(([table]) =>
    table.trimEnd().split("\n").map(cells),
  );
  return tables.filter(([head]) => head?.[0] === firstColumn).flatMap(([, , ...rows]) => rows);
}

function cells(line: string): string[] {
  return line
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll("\\|", "|"));
}

/** The code blocks in these languages, without the indentation of their fence. */
export function codeBlocks(markdown: string, languages: readonly string[]): string[] {
  const fences = /^( *)```(\w+)\n([\s\S]*?)^\1```/gm;
  return [...markdown.matchAll(fences)].flatMap(([, indent = "", language = "", code = ""]) =>
    languages.includes(language) ? [code.replaceAll(new RegExp(`^${indent}`, "gm"), "")] : [],
  );
}
