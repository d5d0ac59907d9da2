/** What parsing may ask of the system; passed in, so that parsing stays pure. */
export interface ParseContext {
  /** Group ID of a group's name; undefined if there is no such group. */
  lookupGroup(name: string): number | undefined;
}

/** A parsed value, or why the text is rejected. `reason` is a clause such as "it is 35 bytes long". */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reason?: string };

/** How text becomes a value: the same for flag, variable, env-file and default. */
export interface ValueType<T> {
  /** What is allowed, worded to follow "expected": `a whole number from 1 to 8`. */
  readonly expected: string;
  /** Stands for the value in help texts: `N`. */
  readonly placeholder: string;
  /** Set if the flag needs no value (`--x`) and has a negation, `--no-x`. */
  readonly isSwitch?: true;
  /** The allowed words, if there is a fixed list. */
  readonly choices?: readonly string[];
  parse(text: string, context: ParseContext): Parsed<T>;
}

/** The type of an option of `run`, which the Helm chart and the log have as well. */
export interface OptionType<T> extends ValueType<T> {
  /** What the Helm chart accepts as a YAML value: at least all texts of that YAML type that `parse` accepts. */
  readonly schema: ValueSchema;
  /** The value in the form in which log lines show it; default as it is. */
  show?(value: T): string | number | null;
}

/** The part of JSON Schema (draft 7) that options need. Patterns are in RE2 syntax, which Helm uses. */
export interface ValueSchema {
  readonly type: "string" | "integer" | "boolean" | readonly ("string" | "integer" | "number")[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly not?: { readonly pattern: string };
}

/** The value is allowed. */
export function accept<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

/** The value is not allowed; `reason` adds what `expected` alone does not say. */
export function reject(reason?: string): Parsed<never> {
  return reason === undefined ? { ok: false } : { ok: false, reason };
}
