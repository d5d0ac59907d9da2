import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { accept } from "../config/types/option-type.ts";
import { readArguments, switchFlag } from "./arguments.ts";

function text(expected: string) {
  return { expected, placeholder: "X", parse: accept<string> };
}

const spec = {
  positionals: ["DEVICE"],
  flags: {
    size: { type: text("a size") },
    output: { short: "o", type: text("a path") },
    check: switchFlag("Checks."),
  },
  options: "all" as const,
};

function parse(...argv: string[]) {
  return readArguments(
    {
      argv,
      env: {},
      hostname: "node",
      readFile: () => "",
      lookupGroup: () => undefined,
    },
    spec,
  );
}

function problems(...argv: string[]): string[] {
  const result = parse(...argv);
  return result.ok ? [] : result.problems.map(({ subject, text }) => `${subject}: ${text}`);
}

describe("a tool's arguments", () => {
  test.each([
    [["video10", "--size", "64x48", "--check"]],
    [["--size=64x48", "video10", "--check"]],
    [["--check", "--size", "64x48", "video10"]],
  ])("may stand in any order: %j", (argv) => {
    const result = parse(...argv);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    expect(result.given.positionals).toEqual(["video10"]);
    expect(result.given.flags).toEqual({ size: "64x48", check: true });
  });

  test("have short forms", () => {
    const result = parse("-o", "x.png", "video10");
    expect(result.ok && result.given.flags).toEqual({ output: "x.png" });
  });

  test("have the options of run among them", () => {
    const result = parse("video10", "--device-dir", "/host/dev");
    expect(result.ok && result.given.config.deviceDir).toBe("/host/dev");
    expect(result.ok && result.given.flags).toEqual({});
  });

  test("that are wrong are named, all of them", () => {
    expect(problems()).toEqual(["DEVICE: is missing"]);
    expect(problems("a", "b", "--szie=1", "--max-devices=zero")).toEqual([
      "b: unexpected argument",
      expect.stringContaining("--szie: unknown option; did you mean --size?"),
      expect.stringContaining("--max-devices: "),
    ]);
  });

  test("never make it throw", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: "binary" }), { maxLength: 5 }),
        (argv) => void parse(...argv),
      ),
    );
  });
});
