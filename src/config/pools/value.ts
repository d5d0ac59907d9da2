import * as v from "valibot";
import { didYouMean, suggest } from "../suggest.ts";
import type { OptionType, ParseContext } from "../types/option-type.ts";

/** Marks the issue of a value that may have to be a text. */
export const unquoted = "unquoted";

/**
 * A value of the file, by the type of an option: one rule for both. YAML's own types count, as they do for an editor with
 * the JSON Schema: a text that YAML takes for a number needs quotes.
 *
 * @param description Full sentences, for editors.
 */
export function value<T>(type: OptionType<T>, context: ParseContext, description: string) {
  const expected = type.isSwitch ? "true or false" : type.expected;
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      const given = dataset.value;
      const isText = typeof given === "string";
      const fits = typesOf(type).includes(typeOf(given));
      const parsed = type.parse(isScalar(given) ? String(given) : "", context);
      if (fits && parsed.ok) return parsed.value;
      const reason = parsed.ok ? "" : (parsed.reason ?? "");
      const whereOk = isText ? "leave out the quotes" : "leave out the key";
      const isOkElsewhere = parsed.ok && (isText || given === null);
      addIssue({
        expected,
        message: fits ? reason : isOkElsewhere ? whereOk : "",
        ...(!isText && typesOf(type).includes("string") ? { received: unquoted } : {}),
      });
      return NEVER;
    }),
    v.metadata({ description, ...type.schema }),
  );
}

function isScalar(given: unknown): boolean {
  return typeOf(given) !== "other";
}

type YamlType = "string" | "number" | "boolean" | "other";

function typeOf(given: unknown): YamlType {
  const type = typeof given;
  return type === "string" || type === "number" || type === "boolean" ? type : "other";
}

/** YAML's types of a value; to valibot a whole number is a number. */
function typesOf({ schema: { type } }: OptionType<unknown>): readonly YamlType[] {
  const all = typeof type === "string" ? [type] : type;
  return all.map((one) => (one === "integer" ? "number" : one));
}

/**
 * A mapping with these keys and no others.
 *
 * @param least What it needs at least, if an empty one is not allowed. Its entries must have no defaults then.
 */
export function part<E extends v.ObjectEntries>(description: string, entries: E, least?: string) {
  return v.pipe(
    mapping(entries),
    v.rawCheck(({ dataset, addIssue }) => {
      if (least === undefined || !dataset.typed || Object.keys(dataset.value).length > 0) return;
      addIssue({ expected: least, message: "" });
    }),
    v.metadata({ description, ...(least === undefined ? {} : { minProperties: 1 }) }),
  );
}

/** As {@link part}, without a description. @param elsewhere Where other keys belong, to help with a misplaced one. */
export function mapping<E extends v.ObjectEntries>(
  entries: E,
  elsewhere: Readonly<Record<string, string>> = {},
) {
  const schema = v.strictObject(entries, "");
  const isKnown = (key: string) => Object.hasOwn(entries, key);
  // valibot takes a list for an object, and reports one unknown key of several.
  const run: (typeof schema)["~run"] = (dataset, config) => {
    const given = dataset.value;
    if (typeof given !== "object" || given === null || Array.isArray(given)) {
      return schema["~run"]({ value: undefined }, config);
    }
    const pairs = Object.entries(given);
    const known = pairs.filter(([key]) => isKnown(key));
    const result = schema["~run"]({ value: Object.fromEntries(known) }, config);
    const unknown = pairs.filter(([key]) => !isKnown(key));
    const [first, ...more] = [...(result.issues ?? []), ...unknown.map(([key]) => issueOf(key))];
    return first === undefined
      ? result
      : ({ typed: false, value: result.value, issues: [first, ...more] } as typeof result);
  };
  const issueOf = (key: string): v.StrictObjectIssue => ({
    ...{ kind: "schema", type: "strict_object", input: key, received: key, expected: "never" },
    message: unknownKey(key, Object.keys(entries), elsewhere),
    path: [{ type: "object", origin: "key", input: {}, key, value: undefined }],
  });
  return { ...schema, "~run": run };
}

function unknownKey(
  key: string,
  keys: readonly string[],
  elsewhere: Readonly<Record<string, string>>,
): string {
  if (Object.hasOwn(elsewhere, key)) return `unknown key here, ${elsewhere[key]} has it`;
  const nearest = suggest(key, keys);
  if (nearest !== undefined) return `unknown key${didYouMean(nearest)}`;
  return `unknown key, expected one of ${keys.join(", ")}`;
}

/** A list of `min` to `max` entries. */
export function list<S extends v.GenericSchema>(
  entry: S,
  min: number,
  max: number,
  description: string,
) {
  return v.pipe(
    v.array(entry),
    v.rawCheck<v.InferOutput<S>[]>(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      const { length } = dataset.value;
      if (length >= min && length <= max) return;
      const message = length === 0 ? "" : `there are ${length}`;
      addIssue({ expected: `${min} to ${max} entries`, message });
    }),
    v.metadata({ description, minItems: min, maxItems: max }),
  );
}
