import { accept, type Kind, type ValueSchema } from "./option-type.ts";

/** As `kind`, with the empty text allowed, which turns off what the option is about. */
export function orEmpty(kind: Kind<string>): Kind<string> {
  return {
    ...kind,
    expected: `${kind.expected}, or nothing`,
    schema: orEmptySchema(kind.schema),
    parse: (text, effects) => (text === "" ? accept("") : kind.parse(text, effects)),
  };
}

function orEmptySchema(schema: ValueSchema): ValueSchema {
  return schema.pattern === undefined ? schema : { ...schema, pattern: `^$|${schema.pattern}` };
}
