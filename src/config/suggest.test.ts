import { expect, test } from "bun:test";
import { suggest } from "./suggest.ts";

const words = ["run", "demo", "version", "help", "socket-path"];

test.each([
  ["rnu", "run"],
  ["verison", "version"],
  ["socket", "socket-path"],
  ["demos", "demo"],
  ["frobnicate", undefined],
  ["", undefined],
  ["x", undefined],
])("%s → %s", (word, nearest) => expect(suggest(word, words)).toBe(nearest));

test("a limit keeps far ones out", () => {
  expect(suggest("versoin", words, 1)).toBeUndefined();
  expect(suggest("versio", words, 1)).toBe("version");
});
