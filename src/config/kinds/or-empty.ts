import { accept, type Kind } from "./kind.ts";

/** As `kind`, with the empty text allowed, which turns off what the option is about. */
export function orEmpty(kind: Kind<string>): Kind<string> {
  return {
    ...kind,
    expected: `${kind.expected}, or nothing`,
    parse: (text, effects) => (text === "" ? accept("") : kind.parse(text, effects)),
  };
}
