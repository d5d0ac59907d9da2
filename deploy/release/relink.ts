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
  return replaceLinks(markdown, from, (text, path, hash) => {
    const place = placeOf(path);
    return place === undefined ? text : `[${text}](${relative(dirname(to), place)}${hash})`;
  });
}

/**
 * Markdown whose links to files of the repository lead to web pages; code blocks stay as they are.
 *
 * @param from the text's path, relative to the repository's root.
 * @param page address of the root, without a slash at its end.
 */
export function linkToPages(markdown: string, from: string, page: string): string {
  return replaceLinks(markdown, from, (text, path, hash) => `[${text}](${page}/${path}${hash})`);
}

/** Replaces each link to a file, whose path is relative to the repository's root and has no slash at its end. */
function replaceLinks(
  markdown: string,
  from: string,
  replacement: (text: string, path: string, hash: string) => string,
): string {
  const move = (link: string, text: string, target: string): string => {
    if (/^([a-z]+:|#)/.test(target)) return link;
    const [path = "", anchor] = target.split("#");
    const hash = anchor === undefined ? "" : `#${anchor}`;
    return replacement(text, join(dirname(from), path).replace(/\/$/, ""), hash);
  };
  return markdown
    .split(/^( *(?:```+|~~~+)[\s\S]*?^ *(?:```+|~~~+) *$)/m)
    .map((part, index) =>
      index % 2 === 1 ? part : part.replace(/\[([^[\]]*)\]\(([^)\s]+)\)/g, move),
    )
    .join("");
}
