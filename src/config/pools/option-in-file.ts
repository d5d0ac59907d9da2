import { type Option, options } from "../options.ts";
import { loopbackPoolKeys } from "../pool-config.ts";
import { fieldOf, type PoolKey } from "./fields.ts";

/** The default of a pool's option as a value of the file. */
export function defaultInFile(key: PoolKey): string | number | boolean {
  const { default: text, type }: Option<unknown> = options[key];
  const types = type.schema.type;
  if (types === "boolean") return text === "1" || text === "true";
  return text === "" || types === "string" ? text : Number(text);
}

/** The description of a pool's option, in which the variables of pools have the names of their fields. */
export function descriptionInFile(key: PoolKey): string {
  return options[key].description.replace(
    /\b[A-Z][A-Z0-9]*(_[A-Z0-9]+)+\b/g,
    (name) => fieldNames.get(name) ?? name,
  );
}

const fieldNames: ReadonlyMap<string, string> = new Map(
  loopbackPoolKeys.map((key) => [options[key].env, fieldOf(key).join(".")]),
);
