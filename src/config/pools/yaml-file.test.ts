import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readPools } from "./read-pools.ts";
import { YamlFile } from "./yaml-file.ts";

const context = { lookupGroup: () => undefined };

function problems(text: string): string[] {
  return readPools("p.yaml", text, context, {}).problems.map(
    ({ subject, text }) => `${subject}: ${text}`,
  );
}

test.each([
  ["", "p.yaml: it is empty, expected apiVersion, kind and pools"],
  ["# nothing\n", "p.yaml: it is empty, expected apiVersion, kind and pools"],
  [
    "a: [1, 2\n",
    "p.yaml:2:1: not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
  ],
  ["a:\n\tb: 1\n", "p.yaml:2:1: a tab, expected spaces"],
  ["---\n---\n", "p.yaml:2:1: a second document, expected one"],
  ["pools: *none\n", "p.yaml:1:8: *none stands for nothing, expected &none before it"],
  ["pools: !secret x\n", "p.yaml:1:8: not YAML: Unresolved tag: !secret"],
  ["? [a]\n: b\n", "p.yaml:1:3: not YAML: With stringKeys, all keys must be strings"],
  ["\x7fELF\x02\x01", "p.yaml:1:1: not a text file, expected YAML in UTF-8"],
  ["kind: Pools\nname: caf\uFFFD\n", "p.yaml:2:10: not a text file, expected YAML in UTF-8"],
  ["a: \0", "p.yaml:1:4: not a text file, expected YAML in UTF-8"],
  ["just text", 'p.yaml:1:1: got "just text", expected a mapping'],
  ["- a\n- b", "p.yaml:1:1: got a list, expected a mapping"],
  ["[]", "p.yaml:1:1: got an empty list, expected a mapping"],
])("%j is a named error", (text, problem) => {
  expect(problems(text)).toEqual([problem]);
});

test("what another kind of file is, is said", () => {
  expect(problems("apiVersion: v1\nkind: ConfigMap\npools: []\n")).toEqual([
    'p.yaml:1:13: apiVersion: got "v1", expected video-device-plugin/v1alpha1',
    'p.yaml:2:7: kind: got "ConfigMap", expected Pools',
    "p.yaml:3:8: pools: got an empty list, expected 1 to 64 entries",
  ]);
});

describe("a hostile file", () => {
  const bombs = "bcdefghijk"
    .split("")
    .map((name, at) =>
      `${name}: [${`*${"abcdefghijk"[at]},`.repeat(9)}]`.replace("[", `&${name} [`),
    );

  test.each([
    ["of 1 MB", "a".repeat(1 << 20), "it has 1048576 bytes, expected at most 131072"],
    ["of aliases of aliases", `a: &a [x]\n${bombs.join("\n")}`, "its aliases multiply its content"],
    ["nested in brackets", "[".repeat(130_000), "it is nested too deeply"],
    ["nested in braces", "{a: ".repeat(30_000), "it is nested too deeply"],
    ["of lists in lists", "- ".repeat(60_000), "it is nested too deeply"],
    ["of one key", "a: 1\n".repeat(3000), "the key is there twice, expected it once"],
  ])("%s is a named error", (_, text, problem) => {
    expect(problems(text).join("\n")).toContain(problem);
  });

  test("of nothing but problems shows the first of them", () => {
    const found = problems(Array.from({ length: 3000 }, (_, at) => `key${at}: 1`).join("\n"));
    expect(found).toHaveLength(51);
    expect(found.at(-1)).toBe("p.yaml: 2953 more problems");
  });

  test("that refers to itself is read", () => {
    expect(problems("pools: &p [*p]\n").join("\n")).toContain("pools[0]");
  });
});

test("no text makes it throw, and each problem has a place or the file's name", () => {
  const token = fc.constantFrom(
    ..."apiVersion: |kind: |pools:|\n|  |- |\t|{|}|[|]|,|: |loopback|devices|select|&a |*a|!!int |\"|'|0825|~|<<|#|---\n|%|?".split(
      "|",
    ),
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(token, { maxLength: 40 }).map((all) => all.join("")),
  );
  fc.assert(
    fc.property(text, (given) => {
      for (const { subject } of readPools("p.yaml", given, context, {}).problems) {
        expect(subject).toMatch(/^p\.yaml(:\d+:\d+(: .+)?)?$/su);
      }
    }),
    { numRuns: 500 },
  );
});

test("a byte order mark is no part of the text", () => {
  expect(new YamlFile("p.yaml", "\uFEFFkind: Pools").content).toEqual({ kind: "Pools" });
});
