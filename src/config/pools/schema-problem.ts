import type * as v from "valibot";
import { unquoted } from "./value.ts";
import type { FileProblem, Path, YamlFile } from "./yaml-file.ts";

/** What is wrong with a part of the file, from the issue that its schema found. @param base path of the part. */
export function schemaProblem(
  issue: v.BaseIssue<unknown>,
  file: YamlFile,
  base: Path = [],
): FileProblem {
  const { type, expected, message } = issue;
  const path: Path = [...base, ...(issue.path ?? []).map(({ key }) => key as string | number)];
  if (type === "strict_object" && expected === "never") return { path, atKey: true, text: message };
  if (type === "strict_object" && issue.path?.at(-1)?.origin === "key") {
    return { path, text: "is missing" };
  }
  const comment = file.commentAt(path);
  if (comment !== undefined) {
    return { path, text: `is empty: # begins a comment in YAML, quote the value: "${comment}"` };
  }
  if (type === "strict_object") return { path, got: true, text: "expected a mapping" };
  if (type === "array") return { path, got: true, text: "expected a list" };
  const isUnquoted = issue.received === unquoted && file.isUnquoted(path);
  const reason = isUnquoted ? `put it in quotes: "${file.shown(path)}"` : message;
  return { path, got: true, text: `expected ${expected}${reason === "" ? "" : `; ${reason}`}` };
}
