import { codeBlocks } from "./markdown.ts";

/**
 * The code block of a document whose first line, a comment, has this title: `# ffmpeg: test picture`.
 *
 * @throws Error unless there is exactly one.
 */
export function snippet(markdown: string, title: string): string {
  const languages = ["sh", "bash", "python", "go", "js"];
  const found = codeBlocks(markdown, languages).filter((code) =>
    /^(?:#|\/\/) (.*)/.exec(code)?.[1]?.startsWith(title),
  );
  if (found.length === 1) return found[0] ?? "";
  throw new Error(`${found.length} code blocks begin with "${title}".`);
}
