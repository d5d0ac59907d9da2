import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseEnvFile } from "./env-file.ts";

const known = ["MAX_DEVICES", "V4L2_CARD_LABEL", "METRICS_PORT"];

function values(content: string) {
  const parsed = parseEnvFile("x.env", content, known);
  expect(parsed.problems).toEqual([]);
  return Object.fromEntries([...parsed.values].map(([name, { text }]) => [name, text]));
}

function problems(content: string) {
  return parseEnvFile("x.env", content, known).problems.map((p) => `${p.subject}: ${p.text}`);
}

test.each([
  ["V4L2_CARD_LABEL=a", "a"],
  ["  export V4L2_CARD_LABEL = a  ", "a"],
  ["V4L2_CARD_LABEL='a # b'", "a # b"],
  ['V4L2_CARD_LABEL="a b" # c', "a b"],
  ["V4L2_CARD_LABEL=`it's`", "it's"],
  ["V4L2_CARD_LABEL=a # b", "a"],
  ["V4L2_CARD_LABEL=", ""],
  ["V4L2_CARD_LABEL=''", ""],
  ["V4L2_CARD_LABEL=$HOME/{id}", "$HOME/{id}"],
  ["V4L2_CARD_LABEL=für 🎥", "für 🎥"],
  ["V4L2_CARD_LABEL=a=b", "a=b"],
])("%s", (line, text) => expect(values(line)).toEqual({ V4L2_CARD_LABEL: text }));

test("lines are counted from 1, whatever ends them", () => {
  const { values: found } = parseEnvFile(
    "x.env",
    "\uFEFFMAX_DEVICES=1\r\n# comment\r\n\r\nMETRICS_PORT=2\nV4L2_CARD_LABEL=x",
    known,
  );
  expect([...found].map(([name, { line }]) => [name, line])).toEqual([
    ["MAX_DEVICES", 1],
    ["METRICS_PORT", 4],
    ["V4L2_CARD_LABEL", 5],
  ]);
});

test("variables of other programs are passed over", () => {
  expect(values("PATH=/bin\nHTTP_PROXY=x\nDATABASE_URL=y\nV4L2=1\nMAX=3\n__proto__=1")).toEqual({});
});

describe("a problem names its place", () => {
  test.each([
    ["\nMAX_DEVICE=3", "x.env:2: MAX_DEVICE: unknown variable; did you mean MAX_DEVICES?"],
    ["max_devices=3", "x.env:1: max_devices: unknown variable; did you mean MAX_DEVICES?"],
    ["METRIC_PORT=3", "x.env:1: METRIC_PORT: unknown variable; did you mean METRICS_PORT?"],
    [
      "MAX_DEVICES\n=3",
      "x.env:1: not understood, expected NAME=value or a comment that starts with #",
    ],
    [
      "MAX_DEVICES: 3",
      "x.env:1: not understood, expected NAME=value or a comment that starts with #",
    ],
    [
      "MAX_DEVICES=3\nMAX_DEVICES=4",
      "x.env:2: MAX_DEVICES: already set on line 1, expected it at most once",
    ],
    [
      "V4L2_CARD_LABEL='open\n",
      "x.env:1: V4L2_CARD_LABEL: its quote is not closed on the same line",
    ],
  ])("%j", (content, problem) => expect(problems(content)[0]).toBe(problem));
});

test("no content makes it throw", () => {
  const line = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: "binary" }).map((text) => `MAX_DEVICES=${text}`),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const parsed = parseEnvFile("x.env", lines.join("\n"), known);
      expect([...parsed.values.keys()].every((name) => known.includes(name))).toBe(true);
    }),
  );
});

test("a colour without quotes isn't passed over as a comment", () => {
  expect(problems("V4L2_CARD_LABEL=#1d3557")).toEqual([
    "x.env:1: V4L2_CARD_LABEL: #1d3557 is a comment here, expected quotes around a colour",
  ]);
  expect(values('V4L2_CARD_LABEL="#1d3557"')).toEqual({ V4L2_CARD_LABEL: "#1d3557" });
  expect(values("V4L2_CARD_LABEL= # none")).toEqual({ V4L2_CARD_LABEL: "" });
});
