import { Glob } from "bun";

/** Markdown's parts that tests read. */

/** Paths of the Markdown files below `root`, relative to it; without those of packages and of builds. */
export function markdownFiles(root: string): string[] {
  return [...new Glob("**/*.md").scanSync(root)]
    .filter((path) => !/(^|\/)(node_modules|dist)\//.test(path))
    .sort();
}

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

/** The anchor of a heading with this title, if it is the first. */
export function anchorOf(title: string): string {
  return title
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
    .replaceAll(" ", "-");
}

/** Targets of the links and pictures. */
export function links(markdown: string): string[] {
  const text = prose(markdown).replace(/`[^`\n]*`/g, "code");
  const inMarkdown = text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g);
  const inHtml = text.matchAll(/<img src="([^"]+)"/g);
  return [...inMarkdown, ...inHtml].map(([, target = ""]) => target);
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

/** Lines of the shell's command lines in the code blocks and, after "$ ", in the dialogues, with continued lines joined. */
export function commandLines(markdown: string): string[] {
  const lines = (code: string) => code.replaceAll("\\\n", " ").split("\n");
  const dialogues = codeBlocks(markdown, ["console"]).flatMap(lines);
  return [
    ...codeBlocks(markdown, ["sh", "bash"]).flatMap(lines),
    ...dialogues.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2)),
  ];
}

/** YAML of the code blocks: those of this language, and what commands read up to EOF if it is an object of Kubernetes. */
export function yamlBlocks(markdown: string): string[] {
  const read = codeBlocks(markdown, ["sh"]).flatMap((code) =>
    [...code.matchAll(/<<-?'?EOF'?\n([\s\S]*?)\nEOF$/gm)].map(([, text = ""]) => text),
  );
  return [...codeBlocks(markdown, ["yaml"]), ...read.filter((text) => /^kind: /m.test(text))];
}
