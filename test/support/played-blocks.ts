import { anchorOf } from "./markdown.ts";

/** A block of commands that a reader copies. */
export interface CommandBlock {
  readonly commands: string;
  /** Why the test can't play it: the comment `<!-- not played: … -->` in the line above. */
  readonly notPlayed?: string;
  /** What the page says that the commands print: the next `text` block in the same section. */
  readonly prints?: string;
  /** Line number of the first command. */
  readonly line: number;
}

/** The blocks of shell commands below the heading with this anchor, in the page's order. */
export function commandBlocks(markdown: string, anchor: string): CommandBlock[] {
  const blocks: CommandBlock[] = [];
  const lines = markdown.split("\n");
  /** Number of "#" of the section's heading, while the lines are in it. */
  let level = 0;
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const [, hashes = "", title = ""] = /^(#+) +(.*)/.exec(line) ?? [];
    if (hashes !== "" && anchorOf(title) === anchor) level = hashes.length;
    else if (hashes !== "" && hashes.length <= level) level = 0;
    const [, language] = /^```(\w+)$/.exec(line) ?? [];
    if (language === undefined) continue;
    const end = lines.indexOf("```", at + 1);
    const text = lines.slice(at + 1, end).join("\n");
    const [, notPlayed] = /^<!-- not played: (.+) -->$/.exec(lines[at - 1] ?? "") ?? [];
    const last = blocks.at(-1);
    if (level > 0 && language === "sh") {
      blocks.push({ commands: text, line: at + 2, ...(notPlayed !== undefined && { notPlayed }) });
    } else if (level > 0 && language === "text" && last !== undefined) {
      if (last.prints === undefined) blocks.splice(-1, 1, { ...last, prints: text });
    }
    at = end;
  }
  return blocks;
}

/**
 * True if a program printed what a page shows. In the page, a line "…" stands for any lines, "…" in a line for any text,
 * and the width of columns doesn't count.
 */
export function prints(shown: string, printed: string): boolean {
  const pattern = normal(shown)
    .map((line) =>
      line === "…"
        ? "(?:.*\n)*?"
        : `${line
            .split("…")
            .map((part) => RegExp.escape(part))
            .join(".*?")}\n`,
    )
    .join("");
  return new RegExp(`^${pattern}$`).test(`${normal(printed).join("\n")}\n`);
}

function normal(text: string): string[] {
  return text
    .trim()
    .split("\n")
    .map((line) => line.trim().replaceAll(/\s+/g, " "));
}
