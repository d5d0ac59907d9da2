import { dirname, join, relative } from "node:path";

/**
 * Markdown that was moved, with links that follow it and what it links to; fenced code is left alone.
 *
 * @param from,to where the text was and where it is, relative to the one root and the other.
 * @param placeOf where a file or directory is now; undefined if it didn't come along. A link to that becomes its text.
 */
export function relink(
  markdown: string,
  { from, to }: { readonly from: string; readonly to: string },
  placeOf: (path: string) => string | undefined,
): string {
  const move = (link: string, text: string, target: string): string => {
    if (/^([a-z]+:|#)/.test(target)) return link;
    const [path = "", anchor] = target.split("#");
    const place = placeOf(join(dirname(from), path).replace(/\/$/, ""));
    if (place === undefined) return text;
    const hash = anchor === undefined ? "" : `#${anchor}`;
    return `[${text}](${relative(dirname(to), place)}${hash})`;
  };
  return markdown
    .split(/^( *(?:```+|~~~+)[\s\S]*?^ *(?:```+|~~~+) *$)/m)
    .map((part, index) =>
      index % 2 === 1 ? part : part.replace(/\[([^[\]]*)\]\(([^)\s]+)\)/g, move),
    )
    .join("");
}
