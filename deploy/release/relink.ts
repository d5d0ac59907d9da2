import { dirname, join, relative } from "node:path";

/**
 * Moved Markdown with its links corrected, also for targets that moved; code blocks stay as they are.
 *
 * @param from,to the text's old and new path, relative to the old and the new root.
 * @param placeOf the new path of a file or directory; undefined if it has none. A link to such a one becomes its text.
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
