import { expect, test } from "bun:test";
import fc from "fast-check";
import { commonMatch, matchesGlob } from "./glob.ts";

test.each([
  ["", "", true],
  ["*", "", true],
  ["?", "", false],
  ["edge-*", "edge-1", true],
  ["edge-*", "core-1", false],
  ["*-1-*", "a-1-1-b", true],
  ["usb-0000:00:14.0-*", "usb-0000:00:14.0-1.2", true],
  ["a.c", "abc", false],
  ["[ab]", "a", false],
  ["?ideo", "🎥ideo", true],
  ["*a", "aab", false],
])("%j and %j: %p", (pattern, text, fits) => {
  expect(matchesGlob(pattern, text)).toBe(fits);
});

test("agrees with the regular expression of the same meaning", () => {
  const characters = fc.constantFrom("a", "b", ".", "*", "?", "😀", "\n");
  const text = fc.array(characters, { maxLength: 8 }).map((all) => all.join(""));
  fc.assert(
    fc.property(text, text, (glob, given) => {
      const source = [...glob].map((one) =>
        one === "*" ? "[^]*" : one === "?" ? "[^]" : one === "." ? "\\." : one,
      );
      expect(matchesGlob(glob, given)).toBe(new RegExp(`^${source.join("")}$`, "u").test(given));
    }),
  );
});

test("a hostile pattern is decided at once", () => {
  expect(matchesGlob(`${"*a".repeat(120)}b`, "a".repeat(255))).toBe(false);
});

test("two patterns have a text in common, or none", () => {
  expect(commonMatch("edge-*", "*-gpu")).toBe("edge-gpu");
  expect(commonMatch("edge-*", "core-*")).toBeUndefined();
  expect(commonMatch("*", "a")).toBe("a");
  expect(commonMatch("a", "a?")).toBeUndefined();
  expect(commonMatch("*".repeat(120), "*".repeat(120))).toBe("");
});

test("a common text fits both, and where a text fits both there is one", () => {
  const alphabet = fc.constantFrom("a", "b", "*", "?");
  const pattern = fc.array(alphabet, { maxLength: 7 }).map((all) => all.join(""));
  const text = fc
    .array(fc.constantFrom("a", "b", "x"), { maxLength: 7 })
    .map((all) => all.join(""));
  fc.assert(
    fc.property(pattern, pattern, text, (one, other, witness) => {
      const common = commonMatch(one, other);
      if (common !== undefined) {
        expect([one, other].filter((glob) => !matchesGlob(glob, common))).toEqual([]);
      } else {
        expect(matchesGlob(one, witness) && matchesGlob(other, witness)).toBe(false);
      }
    }),
    { numRuns: 500 },
  );
});
