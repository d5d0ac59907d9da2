/** What an option's value may need to know from outside; given, so that parsing stays pure. */
export interface KindEffects {
  /** Group ID of a group's name; undefined if there is no such group. */
  lookupGroup(name: string): number | undefined;
}

/** A parsed value, or why there is none. `because` is a clause such as "it is 35 bytes long". */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly because?: string };

/** The part of JSON Schema (draft 7) that options need; patterns are in the syntax of RE2, which Helm has. */
export interface ValueSchema {
  readonly type: "string" | "integer" | "boolean" | readonly ("string" | "integer")[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly not?: { readonly pattern: string };
}

/** A value as a log line shows it. */
export type Shown = string | number | boolean | null;

/** How the text of an option becomes a value: the same for flag, variable, env-file and default. */
export interface Kind<T> {
  /** What is allowed, worded to follow "expected": `a whole number from 1 to 8`. */
  readonly expected: string;
  /** Stands for the value in help: `N`. */
  readonly placeholder: string;
  /** The flag may stand alone (`--x`) and has a `--no-x`. */
  readonly isSwitch: boolean;
  /** The words that are allowed, if they can be counted. */
  readonly choices?: readonly string[];
  /** What a YAML value may be in its place, for the Helm chart: at least as much as `parse` takes of one type. */
  readonly schema: ValueSchema;
  parse(text: string, effects: KindEffects): Parsed<T>;
  show(value: T): Shown;
}

/** The value was understood. */
export function accept<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

/** The value is not allowed; `because` tells what `expected` alone wouldn't. */
export function reject(because?: string): Parsed<never> {
  return because === undefined ? { ok: false } : { ok: false, because };
}
