import { accept, type OptionType, reject } from "./option-type.ts";

/** One of the given words, in upper or lower case (`LOG_LEVEL=INFO` is common). */
export function choice<const T extends string>(words: readonly T[]): OptionType<T> {
  return {
    expected: words.length === 1 ? `${words[0]}` : `one of ${words.join(", ")}`,
    placeholder: words.join("|"),
    choices: words,
    schema: { type: "string", enum: words },
    parse: (text) => {
      const word = words.find((candidate) => candidate.toLowerCase() === text.toLowerCase());
      return word === undefined ? reject() : accept(word);
    },
  };
}

const switchWords: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

/** `true`, `1`, `false` or `0`, in upper or lower case. */
export function boolean(): OptionType<boolean> {
  return {
    expected: "true, 1, false or 0",
    placeholder: "BOOL",
    isSwitch: true,
    schema: { type: "boolean" },
    parse: (text) => {
      const value = switchWords.get(text.toLowerCase());
      return value === undefined ? reject() : accept(value);
    },
  };
}
