import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseArguments } from "./parse-arguments.ts";
import { boolean } from "./types/choice.ts";
import { integer } from "./types/number.ts";
import { accept } from "./types/option-type.ts";

const path = { expected: "a path", placeholder: "PATH", parse: accept<string> };
const flags = [
  { flag: "max-devices", type: integer(1, 246) },
  { flag: "socket-path", type: path },
  { flag: "enable-metrics", type: boolean() },
];

function values(...argv: string[]) {
  const parsed = parseArguments(argv, flags);
  expect(parsed.problems).toEqual([]);
  return Object.fromEntries(parsed.texts);
}

function problems(...argv: string[]) {
  return parseArguments(argv, flags).problems.map(({ subject, text }) => `${subject}: ${text}`);
}

describe("a value", () => {
  test("stands after = or a space", () => {
    expect(values("--max-devices=3", "--socket-path", "/x")).toEqual({
      "max-devices": "3",
      "socket-path": "/x",
    });
  });
  test("may hold =, line breaks and nothing at all", () => {
    expect(values("--socket-path=a=b\nc")).toEqual({ "socket-path": "a=b\nc" });
    expect(values("--socket-path=")).toEqual({ "socket-path": "" });
    expect(values("--socket-path", "")).toEqual({ "socket-path": "" });
  });
  test("may be a negative number, but not look like a flag", () => {
    expect(values("--max-devices", "-1")).toEqual({ "max-devices": "-1" });
    expect(values("--socket-path=--x")).toEqual({ "socket-path": "--x" });
    expect(problems("--max-devices", "--enable-metrics")).toEqual([
      "--max-devices: needs a value, expected a whole number from 1 to 246",
    ]);
  });
  test("may not be forgotten", () => {
    expect(problems("--max-devices")).toEqual([
      "--max-devices: needs a value, expected a whole number from 1 to 246",
    ]);
  });
});

describe("a switch", () => {
  test.each([
    [["--enable-metrics"], "true"],
    [["--no-enable-metrics"], "false"],
    [["--enable-metrics=false"], "false"],
    [["--enable-metrics", "false"], "false"],
    [["--enable-metrics", "1"], "1"],
  ])("%j is %s", (argv, text) => expect(values(...argv)).toEqual({ "enable-metrics": text }));
  test("leaves what follows alone", () => {
    expect(values("--enable-metrics", "--max-devices", "3")).toEqual({
      "enable-metrics": "true",
      "max-devices": "3",
    });
  });
  test("takes no value when denied", () => {
    expect(problems("--no-enable-metrics=true")).toEqual([
      '--no-enable-metrics: takes no value, got "true"',
    ]);
  });
});

describe("what isn't known", () => {
  test.each([
    [["--sockt-path=x"], ["--sockt-path: unknown option; did you mean --socket-path?"]],
    [["--sockt-path", "x"], ["--sockt-path: unknown option; did you mean --socket-path?"]],
    [["--MAX_DEVICES", "3"], ["--MAX_DEVICES: unknown option; did you mean --max-devices?"]],
    [["--socket"], ["--socket: unknown option; did you mean --socket-path?"]],
    [
      ["--no-enable-metric"],
      ["--no-enable-metric: unknown option; did you mean --no-enable-metrics?"],
    ],
    [["--no-max-devices"], ["--no-max-devices: unknown option"]],
    [
      ["--frobnicate", "x"],
      ["--frobnicate: unknown option", "x: unexpected argument; every option starts with --"],
    ],
    [["-x"], ["-x: unknown option"]],
    [["--=x"], ["--=x: unknown option"]],
    [["--"], ["--: unexpected argument; every option starts with --"]],
    [["-"], ["-: unexpected argument; every option starts with --"]],
    [[""], ['"": unexpected argument; every option starts with --']],
    [["--é"], ['"--é": unknown option']],
    [["--__proto__=1"], ["--__proto__: unknown option"]],
  ])("%j", (argv, expected) => expect(problems(...argv)).toEqual(expected));
});

test("a flag given twice is a problem, and the first is kept", () => {
  const { texts: kept, problems: found } = parseArguments(
    ["--max-devices=3", "--max-devices", "4", "--no-enable-metrics", "--enable-metrics"],
    flags,
  );
  expect([...kept]).toEqual([
    ["max-devices", "3"],
    ["enable-metrics", "false"],
  ]);
  expect(found.map(({ subject }) => subject)).toEqual(["--max-devices", "--enable-metrics"]);
});

test("every argument is a value, part of one, or a problem; none is lost", () => {
  const argument = fc.oneof(
    fc.constantFrom("--max-devices", "--socket-path=a", "--enable-metrics", "--no-enable-metrics"),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(fc.array(argument), (argv) => {
      const parsed = parseArguments(argv, flags);
      // a flag and its value are two arguments
      expect((parsed.texts.size + parsed.problems.length) * 2).toBeGreaterThanOrEqual(argv.length);
    }),
  );
});
